import { NativeSelect } from "@mantine/core";

interface Props {
  label: string;
  /** What the choice of nothing says. */
  all: string;
  value: string;
  options: { value: string; label: string }[];
  onChange(value: string): void;
}

/** One filter of a list, with a choice that lifts it. */
export function FilterSelect({ label, all, value, options, onChange }: Props) {
  return (
    <NativeSelect
      label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      data={[{ value: "", label: all }, ...options]}
      flex="1 1 8rem"
      maw="12rem"
    />
  );
}
