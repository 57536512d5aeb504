/** Lists of guests' devices, as xl prints them. */
import type { CardInfo } from './cards.ts';
import type { DiskInfo } from './disks.ts';

/** Source: main_blocklist() in tools/xl/xl_block.c; its third column is the front end's domain. */
export function formatBlockList(disks: readonly DiskInfo[]): string {
  const row = (...[vdev, be, handle, state, port, ref, path]: (string | number)[]): string =>
    `${String(vdev).padEnd(5)} ${String(be).padEnd(3)} ${String(handle).padEnd(6)} ${String(state).padEnd(5)} ${String(port).padEnd(6)} ${String(ref).padEnd(8)} ${String(path).padEnd(30)}\n`;
  return [
    row('Vdev', 'BE', 'handle', 'state', 'evt-ch', 'ring-ref', 'BE-path'),
    ...disks.map(({ domid, devid, state, port, ref, path }) => row(devid, 0, domid, state, port, ref, path)),
  ].join('');
}

/** Source: main_networklist() in tools/xl/xl_nic.c. */
export function formatNetworkList(cards: readonly CardInfo[]): string {
  const row = (...[idx, be, mac, handle, state, port, tx, rx, path]: string[]): string =>
    `${idx.padEnd(3)} ${be.padEnd(2)} ${mac.padEnd(17)} ${handle} ${state} ${port} ${tx}/${rx} ${path.padEnd(30)}\n`;
  const head = row('Idx', 'BE', 'Mac Addr.', 'handle', 'state', 'evt-ch', '  tx-', 'rx-ring-ref', 'BE-path');
  const rows = cards.map(({ devid, mac, state, port, txRef, rxRef, path }) =>
    row(
      String(devid),
      '0',
      mac,
      String(devid).padStart(6),
      String(state).padStart(5),
      String(port).padStart(6),
      String(txRef).padStart(5),
      String(rxRef).padEnd(11),
      path,
    ),
  );
  return [head, ...rows].join('');
}
