import { Container } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Navigate, Outlet, useLocation } from "react-router";

import { session } from "../../api/client";
import { Trouble } from "../../app/Trouble";
import { Waiting } from "../../app/Waiting";
import { MeContext, meQuery, useSessionId } from "./me";
import { loginPath } from "./returnPath";

/** Lets pass who is signed in; everybody else signs in first and comes back here. */
export function RequireSession() {
  const sessionId = useSessionId();
  const { pathname, search } = useLocation();
  const me = useQuery(meQuery(sessionId));

  if (sessionId === null) {
    const here = session.endReason === "signed_out" ? "/" : pathname + search;
    return <Navigate to={loginPath(here)} replace />;
  }
  if (me.data) {
    return (
      <MeContext value={me.data}>
        <Outlet />
      </MeContext>
    );
  }
  if (me.isError) {
    return (
      <Container component="main" size="xs" py="xl">
        <Trouble thrown={me.error} onRetry={() => void me.refetch()} />
      </Container>
    );
  }
  return <Waiting />;
}
