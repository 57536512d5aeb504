/** Pages of a guest: its overview and its history. */
export { GuestHistory } from '../guest-history.tsx';
export { GuestOverview } from '../guest-overview/index.tsx';
