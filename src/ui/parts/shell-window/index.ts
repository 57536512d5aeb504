/** Domain 0’s shell, and what is said where the state is damaged. */
export { DamagedState } from '../damaged-state.tsx';
export { ShellPage, ShellWindow } from '../shell-window.tsx';
