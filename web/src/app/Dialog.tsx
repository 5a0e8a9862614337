import { Modal } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  opened: boolean;
  onClose(): void;
  children: ReactNode;
}

/** A box before the page; the `DialogTitle` in it names it. */
export function Dialog({ opened, onClose, children }: Props) {
  return (
    <Modal.Root opened={opened} onClose={onClose} centered>
      <Modal.Overlay />
      {/* Mantine's own header would be a second banner of the page. */}
      <Modal.Content>
        <Modal.Body pt="md">{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

export function DialogTitle({ children }: { children: ReactNode }) {
  return (
    <Modal.Title fz="lg" fw={650} className="wrap-anywhere">
      {children}
    </Modal.Title>
  );
}
