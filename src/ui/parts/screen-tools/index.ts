/** Tools of a guest’s screen. */
export { ScreenActions } from '../screen-actions.tsx';
export { ScreenMarks } from '../screen-marks.tsx';
export { ScreenMedia } from '../screen-media.tsx';
