const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

/** A size for people, in the binary units that the limit is written in. */
export function bytes(size: number, locale: string): string {
  let shown = size;
  let unit = 0;
  while (shown >= 1024 && unit < UNITS.length - 1) {
    shown /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || shown >= 100 ? 0 : 1;
  return `${shown.toLocaleString(locale, { maximumFractionDigits: digits })} ${UNITS[unit]!}`;
}
