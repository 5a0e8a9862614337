import { queryOptions } from "@tanstack/react-query";

/**
 * Whether this school makes accounts itself. No route tells: it is known from the first answer to
 * a registration on, until the page is loaded anew.
 */
export const registrationClosedQuery = queryOptions({
  queryKey: ["registration-closed"],
  queryFn: () => false,
  staleTime: Infinity,
  gcTime: Infinity,
});
