/** What unpacks files, which come together where somebody has a packed one. */
export { gunzip, gunzipHead } from './inflate.ts';
export { statedSize, unxz, unxzHead, unxzInSteps } from './xz.ts';
