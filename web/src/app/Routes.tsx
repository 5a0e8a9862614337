import { lazy, Suspense } from "react";
import { Route, Routes as RouterRoutes } from "react-router";

import { LoginPage } from "../features/session/LoginPage";
import { RequireSession } from "../features/session/RequireSession";
import { RequireStaff } from "../features/session/RequireStaff";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";
import { Waiting } from "./Waiting";

const HomePage = lazy(() => import("../features/home/HomePage"));
const CoursesPage = lazy(() => import("../features/courses/CoursesPage"));
const CoursePage = lazy(() => import("../features/courses/CoursePage"));
const NewCoursePage = lazy(() => import("../features/courses/NewCoursePage"));
const EditCoursePage = lazy(() => import("../features/courses/EditCoursePage"));
const ImportPage = lazy(() => import("../features/imports/ImportPage"));
const TasksPage = lazy(() => import("../features/tasks/TasksPage"));
const TaskPage = lazy(() => import("../features/tasks/TaskPage"));

/** Every address of the app; each page is a chunk of its own. */
export function Routes() {
  return (
    <Suspense fallback={<Waiting />}>
      <RouterRoutes>
        <Route path="/login" element={<LoginPage />} />
        <Route element={<RequireSession />}>
          <Route element={<Shell />}>
            <Route index element={<HomePage />} />
            <Route path="courses" element={<CoursesPage />} />
            <Route path="courses/:id" element={<CoursePage />} />
            <Route element={<RequireStaff />}>
              <Route path="courses/new" element={<NewCoursePage />} />
              <Route path="courses/:id/edit" element={<EditCoursePage />} />
              <Route path="imports" element={<ImportPage />} />
              <Route path="tasks" element={<TasksPage />} />
              <Route path="tasks/:id" element={<TaskPage />} />
            </Route>
            <Route path="*" element={<NotFound />} />
          </Route>
        </Route>
      </RouterRoutes>
    </Suspense>
  );
}
