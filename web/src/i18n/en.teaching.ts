/** English for what courses are taught with: files, terms, sections, rosters and timetables. */
import type { Message } from "./messages";

export const enTeaching = {
  "files.title": "Files",
  "files.none": "No files yet.",
  "files.add": "Add a file",
  "files.name": "File",
  "files.size": "Size",
  "files.since": "Added",
  "files.unfinished": "Not finished",
  "files.download": "Download",
  "files.download_named": "Download {name}",
  "files.remove": "Remove",
  "files.remove_named": "Remove {name}",
  "files.remove_title": "Remove {name}?",
  "files.remove_text": "Nobody can download this file any more. This cannot be undone.",
  "files.removed": "{name} is removed.",
  "files.file": "File",
  "files.file_hint":
    "Up to 1 GiB: PDF, office documents, pictures, text, archives, audio or video.",
  "files.file_title": "Title",
  "files.file_title_hint": "The file's name, if you leave this empty.",
  "files.upload": "Upload",
  "files.checking": "Checking the file…",
  "files.added": "{name} can be downloaded now.",
  "files.no_file": "Choose a file first.",
  "files.empty_file": "This file is empty.",
  "files.big_file": "This file is larger than 1 GiB.",
  "files.wrong_type": "Files of this type are not taken here.",
  "files.forbidden":
    "Files of a course are kept by registrars and by teachers of one of its sections.",
} satisfies Record<string, Message>;
