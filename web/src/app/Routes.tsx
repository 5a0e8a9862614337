import { lazy, Suspense } from "react";
import { Route, Routes as RouterRoutes } from "react-router";

import { LoginPage } from "../features/session/LoginPage";
import { RequireSession } from "../features/session/RequireSession";
import { RequireAuthor, RequireManager, RequireStaff } from "../features/session/RequireStaff";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";
import { Waiting } from "./Waiting";

const HomePage = lazy(() => import("../features/home/HomePage"));
const MessagesPage = lazy(() => import("../features/messages/MessagesPage"));
const AnnouncementPage = lazy(() => import("../features/announcements/AnnouncementPage"));
const NewAnnouncementPage = lazy(() => import("../features/announcements/NewAnnouncementPage"));
const EditAnnouncementPage = lazy(() => import("../features/announcements/EditAnnouncementPage"));
const CoursesPage = lazy(() => import("../features/courses/CoursesPage"));
const CoursePage = lazy(() => import("../features/courses/CoursePage"));
const NewCoursePage = lazy(() => import("../features/courses/NewCoursePage"));
const EditCoursePage = lazy(() => import("../features/courses/EditCoursePage"));
const ImportPage = lazy(() => import("../features/imports/ImportPage"));
const TasksPage = lazy(() => import("../features/tasks/TasksPage"));
const TaskPage = lazy(() => import("../features/tasks/TaskPage"));
const RegisterPage = lazy(() => import("../features/registration/RegisterPage"));
const ForgotPage = lazy(() => import("../features/recovery/ForgotPage"));
const ResetPasswordPage = lazy(() => import("../features/recovery/ResetPasswordPage"));
const AccountPage = lazy(() => import("../features/account/AccountPage"));
const UsersPage = lazy(() => import("../features/users/UsersPage"));
const NewUserPage = lazy(() => import("../features/users/NewUserPage"));
const UserPage = lazy(() => import("../features/users/UserPage"));
const TermsPage = lazy(() => import("../features/terms/TermsPage"));
const NewTermPage = lazy(() => import("../features/terms/NewTermPage"));
const TermPage = lazy(() => import("../features/terms/TermPage"));
const SectionsPage = lazy(() => import("../features/sections/SectionsPage"));
const SectionPage = lazy(() => import("../features/sections/SectionPage"));
const NewSectionPage = lazy(() => import("../features/sections/NewSectionPage"));
const EditSectionPage = lazy(() => import("../features/sections/EditSectionPage"));
const TimetablePage = lazy(() => import("../features/timetable/TimetablePage"));
const OperationsPage = lazy(() => import("../features/operations/OperationsPage"));
const ChannelsPage = lazy(() => import("../features/channels/ChannelsPage"));
const NewChannelPage = lazy(() => import("../features/channels/NewChannelPage"));
const AuditPage = lazy(() => import("../features/audit/AuditPage"));

/** Every address of the app; each page is a chunk of its own. */
export function Routes() {
  return (
    <Suspense fallback={<Waiting />}>
      <RouterRoutes>
        <Route path="/login" element={<LoginPage />} />
        <Route path="/register" element={<RegisterPage />} />
        <Route path="/forgot-username" element={<ForgotPage key="username" what="username" />} />
        <Route path="/forgot-password" element={<ForgotPage key="password" what="password" />} />
        <Route path="/reset-password" element={<ResetPasswordPage />} />
        <Route element={<RequireSession />}>
          <Route element={<Shell />}>
            <Route index element={<HomePage />} />
            <Route path="account" element={<AccountPage />} />
            <Route path="messages" element={<MessagesPage />} />
            <Route element={<RequireAuthor />}>
              <Route path="messages/announcements/new" element={<NewAnnouncementPage />} />
              <Route path="messages/announcements/:id" element={<AnnouncementPage />} />
              <Route path="messages/announcements/:id/edit" element={<EditAnnouncementPage />} />
            </Route>
            <Route path="courses" element={<CoursesPage />} />
            <Route path="courses/:id" element={<CoursePage />} />
            <Route path="timetable" element={<TimetablePage />} />
            <Route path="sections" element={<SectionsPage />} />
            <Route path="sections/:id" element={<SectionPage />} />
            <Route path="sections/:id/edit" element={<EditSectionPage />} />
            <Route element={<RequireStaff />}>
              <Route path="sections/new" element={<NewSectionPage />} />
              <Route path="terms" element={<TermsPage />} />
              <Route path="terms/new" element={<NewTermPage />} />
              <Route path="terms/:id" element={<TermPage />} />
              <Route path="courses/new" element={<NewCoursePage />} />
              <Route path="courses/:id/edit" element={<EditCoursePage />} />
              <Route path="imports" element={<ImportPage />} />
              <Route path="tasks" element={<TasksPage />} />
              <Route path="tasks/:id" element={<TaskPage />} />
            </Route>
            <Route element={<RequireManager />}>
              <Route path="users" element={<UsersPage />} />
              <Route path="users/new" element={<NewUserPage />} />
              <Route path="users/:id" element={<UserPage />} />
              <Route path="channels" element={<ChannelsPage />} />
              <Route path="channels/new" element={<NewChannelPage />} />
              <Route path="audit" element={<AuditPage />} />
              <Route path="operations" element={<OperationsPage />} />
            </Route>
            <Route path="*" element={<NotFound />} />
          </Route>
        </Route>
      </RouterRoutes>
    </Suspense>
  );
}
