/** The few drawings of the interface; each stands beside or inside a text that names it. */
import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="1.15em"
      height="1.15em"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const HomeIcon = () => (
  <Icon>
    <path d="M4 11 12 4l8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z" />
  </Icon>
);
export const CoursesIcon = () => (
  <Icon>
    <path d="M5 5a2 2 0 0 1 2-2h12v15H7a2 2 0 0 0-2 2z" />
    <path d="M5 20a2 2 0 0 0 2 1h12v-3" />
  </Icon>
);
export const UploadIcon = () => (
  <Icon>
    <path d="M12 15V4M8 8l4-4 4 4M4 20h16" />
  </Icon>
);
export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v11m-4-4 4 4 4-4M4 20h16" />
  </Icon>
);
export const TasksIcon = () => (
  <Icon>
    <path d="m4 6 1.5 1.5L8 5m-4 7 1.5 1.5L8 11m-4 7 1.5 1.5L8 17M12 6h8m-8 6h8m-8 6h8" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    <circle cx="11" cy="11" r="6.5" />
    <path d="m20 20-4.3-4.3" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m5 12.5 4.5 4.5L19 7.5" />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path d="m6.5 6.5 11 11m0-11-11 11" />
  </Icon>
);
export const DotIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="2.5" />
  </Icon>
);
export const UserIcon = () => (
  <Icon>
    <circle cx="12" cy="8" r="4" />
    <path d="M4.5 20.5c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5" />
  </Icon>
);
export const UsersIcon = () => (
  <Icon>
    <circle cx="9" cy="8.5" r="3.5" />
    <path d="M2.5 19.5c.8-3.5 3.3-4.8 6.5-4.8s5.7 1.3 6.5 4.8M15.5 5.2a3.5 3.5 0 0 1 0 6.6M18 15c2 .7 3.1 2.2 3.5 4.5" />
  </Icon>
);
export const AuditIcon = () => (
  <Icon>
    <path d="M12 3.5 4.5 6.5v5c0 4.5 3 7.5 7.5 9 4.5-1.5 7.5-4.5 7.5-9v-5zM9 12l2.2 2.2L15.5 10" />
  </Icon>
);
export const OperationsIcon = () => (
  <Icon>
    <path d="M3 12.5h4l2.5-7 5 13 2.5-6h4" />
  </Icon>
);
export const ChannelsIcon = () => (
  <Icon>
    <path d="M4 10v4l11 5V5zM4 14l1.5 5.5h3L7.2 15.4M18 9.5a4 4 0 0 1 0 5" />
  </Icon>
);
export const SectionsIcon = () => (
  <Icon>
    <path d="M3.5 5h17v11h-17zM12 16v4M8 20h8M7.5 9h9M7.5 12h5" />
  </Icon>
);
export const TermsIcon = () => (
  <Icon>
    <path d="M4 6h16v14H4zM4 10.5h16M8.5 3.5V8M15.5 3.5V8" />
  </Icon>
);
export const TimetableIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.5V12l3 2" />
  </Icon>
);
export const MessagesIcon = () => (
  <Icon>
    <path d="M4 5h16v14H4zM4 7l8 6 8-6" />
  </Icon>
);
export const BellIcon = () => (
  <Icon>
    <path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4" />
  </Icon>
);
