/** Guests that a host in a page is installed with: those that the page carries, and those that are next to it. */
import { OWN_GUESTS, type ShippedGuest } from '../host/files/index.ts';

/** A guest whose files can be fetched. */
export interface FetchableGuest {
  id: string;
  files: readonly { name: string; url: string }[];
}

/** Vite puts a file next to the page where its address is in one piece. */
const URLS: Record<(typeof OWN_GUESTS)[keyof typeof OWN_GUESTS][number], URL> = {
  'demo.cfg': new URL('../../../guests/demo/demo.cfg', import.meta.url),
  'demo.elf': new URL('../../../guests/demo/demo.elf', import.meta.url),
  'demo64.cfg': new URL('../../../guests/demo/demo64.cfg', import.meta.url),
  'demo64.elf': new URL('../../../guests/demo/demo64.elf', import.meta.url),
  'minipv-pv.cfg': new URL('../../../guests/minipv/minipv-pv.cfg', import.meta.url),
  'minipv-pvh.cfg': new URL('../../../guests/minipv/minipv-pvh.cfg', import.meta.url),
  'minipv-hvm.cfg': new URL('../../../guests/minipv/minipv-hvm.cfg', import.meta.url),
  'minipv.elf': new URL('../../../guests/minipv/minipv.elf', import.meta.url),
  'minipv64-pvh.cfg': new URL('../../../guests/minipv/minipv64-pvh.cfg', import.meta.url),
  'minipv64-hvm.cfg': new URL('../../../guests/minipv/minipv64-hvm.cfg', import.meta.url),
  'minipv64.elf': new URL('../../../guests/minipv/minipv64.elf', import.meta.url),
  'pcos.cfg': new URL('../../../guests/pcos/pcos.cfg', import.meta.url),
  'pcos.img': new URL('../../../guests/pcos/pcos.img', import.meta.url),
  'figure.sh': new URL('../../../guests/figure/figure.sh', import.meta.url),
};

export function shippedGuests(
  fetchBytes: (url: string) => Promise<Uint8Array>,
  fetched: readonly FetchableGuest[],
): ShippedGuest[] {
  const file = (name: string, url: string) => ({ name, read: () => fetchBytes(url) });
  return [
    ...Object.entries(OWN_GUESTS).map(([id, names]) => ({ id, files: names.map(name => file(name, URLS[name].href)) })),
    ...fetched.map(({ id, files }) => ({
      id,
      fetched: true as const,
      files: files.map(({ name, url }) => file(name, url)),
    })),
  ];
}
