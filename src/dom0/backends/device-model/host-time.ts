/** Time of a device model whose guest runs in another worker: the host's, from when it starts. */
import type { Later } from '../../host/index.ts';
import type { DeviceModelOptions } from './device-model.ts';

/** `hostMs`: monotonic. `due`: a deadline has come; Domain 0 is to have a turn soon. */
export function hostTime(
  hostMs: () => number,
  later: Later,
  due: () => void,
): Pick<DeviceModelOptions, 'clock' | 'wakeAt' | 'hostMs'> {
  const startMs = hostMs();
  const nowNs = (): number => Math.floor((hostMs() - startMs) * 1e6);
  let asked = Infinity;
  let cancel = (): void => {};
  return {
    hostMs,
    clock: { nowNs },
    wakeAt: deadlineNs => {
      if (deadlineNs === asked) return;
      cancel();
      asked = deadlineNs;
      if (deadlineNs === Infinity) {
        cancel = () => {};
        return;
      }
      cancel = later(Math.max(0, (deadlineNs - nowNs()) / 1e6), () => {
        asked = Infinity;
        due();
      });
    },
  };
}
