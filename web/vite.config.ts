import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const api = process.env.ROLLCALL_API ?? "http://127.0.0.1:8000";
const paths = [
  "/api",
  "/auth",
  "/calendar",
  "/unsubscribe",
  "/health",
  "/docs",
  "/openapi.json",
  "/_local",
];

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // A data: URL would need another source in the content security policy.
    assetsInlineLimit: 0,
    // The preload polyfill is for browsers that lack modules' own preloading; none of ours does.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(paths.map((path) => [path, api])),
  },
});
