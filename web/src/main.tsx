import "@mantine/core/styles.css";
import "./app/app.css";

import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { Crash } from "./app/Crash";
import { Notices } from "./app/Notices";
import { queryClient } from "./app/queryClient";
import { Routes } from "./app/Routes";
import { colours, theme } from "./app/theme";
import { takeLinkToken } from "./features/recovery/link";
import { I18nProvider } from "./i18n/I18nProvider";

takeLinkToken(window.location, window.history);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={colours} defaultColorScheme="auto">
      <I18nProvider>
        <Crash>
          <QueryClientProvider client={queryClient}>
            <BrowserRouter>
              <Notices>
                <Routes />
              </Notices>
            </BrowserRouter>
          </QueryClientProvider>
        </Crash>
      </I18nProvider>
    </MantineProvider>
  </StrictMode>,
);
