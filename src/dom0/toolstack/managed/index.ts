/** Domains that are defined, whether they run or not. */
import { part } from '../../../formats/loading/index.ts';
import type { HostFiles } from '../../host/files/index.ts';
import type { Drawing } from './drawing.ts';
import type { ManagedFolders } from './folders.ts';
import type { ManagedDomains as Whole } from './managed-domains.ts';

export type { ManagedDomain } from './managed-domains.ts';
export { drawingOf } from './drawing.ts';
export { QEMU_FOLDERS, XEN_FOLDERS } from './folders.ts';

/** The methods of `ManagedDomains` (managed-domains.ts), each of which resolves with what it returns. */
export type ManagedDomains = {
  [K in keyof Whole as Whole[K] extends (...given: never[]) => unknown ? K : never]: Whole[K] extends (
    ...given: infer Given
  ) => infer Result
    ? (...given: Given) => Promise<Awaited<Result>>
    : never;
};

const managed = part(() => import('./managed-domains.ts'), 'keeps definitions');

/** Definitions are in the host's files, which a guest alone does not need: what manages them is loaded for the first question. */
export function managedLater(files: HostFiles, drawing: Drawing, folders?: ManagedFolders): ManagedDomains {
  let loading: Promise<Whole> | undefined;
  const load = (): Promise<Whole> => {
    loading ??= managed.load().then(whole => new whole.ManagedDomains(files, drawing, folders));
    // Of a failure there may be an end.
    loading.catch(() => {
      loading = undefined;
    });
    return loading;
  };
  type Methods = Record<string | symbol, (this: Whole, ...given: unknown[]) => unknown>;
  return new Proxy({} as ManagedDomains, {
    // It is no promise itself, since callers await an object that has it.
    get: (_, name) =>
      name === 'then'
        ? undefined
        : async (...given: unknown[]) => {
            const whole = await load();
            return (whole as unknown as Methods)[name]!.apply(whole, given);
          },
  });
}
