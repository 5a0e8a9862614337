import { alpha, createTheme, type CSSVariablesResolver } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "indigo",
  // Shade 8 is the first that has enough contrast with white on buttons and badges.
  primaryShade: 8,
  defaultRadius: "md",
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  headings: { fontWeight: "650" },
  cursorType: "pointer",
  respectReducedMotion: true,
});

const TINTS = ["indigo", "teal", "orange", "red", "gray"] as const;

/** Where Mantine's own colours have too little contrast for WCAG AA: dimmed text, light badges. */
export const colours: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#545b62",
    "--mantine-color-placeholder": "#6a7178",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--mantine-color-teal-light-color": "#056346",
    "--mantine-color-orange-light-color": "#9c3607",
    ...Object.fromEntries(
      TINTS.map((tint) => [`--mantine-color-${tint}-light-hover`, alpha(colors[tint]![8], 0.15)]),
    ),
  },
  dark: {
    "--mantine-color-dimmed": "#a9adb3",
    "--mantine-color-placeholder": "#9a9ea4",
    "--mantine-color-error": "var(--mantine-color-red-4)",
    ...Object.fromEntries(
      TINTS.flatMap((tint) => [
        [`--mantine-color-${tint}-light`, alpha(colors[tint]![8], 0.2)],
        [`--mantine-color-${tint}-light-hover`, alpha(colors[tint]![8], 0.3)],
        [`--mantine-color-${tint}-light-color`, `var(--mantine-color-${tint}-2)`],
      ]),
    ),
  },
});
