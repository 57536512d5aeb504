/** What a device asked for in its folder was done, or was not. */
import type { FolderAnswer } from '../../devices/index.ts';
import { verb } from './verb.ts';

export const folderAnswer = verb({
  by: 'message',
  apply: ({ domain }, device: string, number: number, answer: FolderAnswer) =>
    domain.platform.virtio?.find(({ name }) => name === device)?.folderAnswer?.(number, answer),
});
