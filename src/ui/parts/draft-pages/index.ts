/** A definition that was dropped: its page and its form. */
export { DraftForm } from '../draft-form.tsx';
export { DraftPage } from '../draft-page.tsx';
