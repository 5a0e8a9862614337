import { Button, Center, Stack, Text } from "@mantine/core";
import { Component, type ReactNode } from "react";

import { I18n } from "../i18n/useI18n";

/**
 * The last net: an error while rendering, or a chunk of an older build that is no longer served.
 */
export class Crash extends Component<{ children: ReactNode }, { crashed: boolean }> {
  static override contextType = I18n;
  declare context: React.ContextType<typeof I18n>;
  override state = { crashed: false };

  static getDerivedStateFromError() {
    return { crashed: true };
  }

  override render() {
    if (!this.state.crashed) return this.props.children;
    return (
      <Center component="main" mih="60vh" p="md">
        <Stack align="center" role="alert">
          <Text>{this.context.t("app.crashed")}</Text>
          <Button onClick={() => window.location.reload()}>{this.context.t("app.reload")}</Button>
        </Stack>
      </Center>
    );
  }
}
