/** Pages of help: documents and lessons. */
export { DocumentsPage } from '../documents-page.tsx';
export { LessonsPage } from '../lessons-page.tsx';
