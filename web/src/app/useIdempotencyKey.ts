import { useCallback, useRef } from "react";

/**
 * Return the function that names a request: the same for the same body, so that sending it again
 * after a lost answer does nothing twice.
 */
export function useIdempotencyKey(): (body: unknown) => string {
  const key = useRef({ value: "", of: "" });
  return useCallback((body: unknown) => {
    const of = JSON.stringify(body);
    if (key.current.of !== of) key.current = { value: crypto.randomUUID(), of };
    return key.current.value;
  }, []);
}
