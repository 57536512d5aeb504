/** The embedded guests' files beside a page's programs. */
import type { EmbeddedName, ReadEmbedded } from './embedded.ts';

const URLS: Record<EmbeddedName, string> = {
  'minipv/minipv.elf': new URL('../../guests/minipv/minipv.elf', import.meta.url).href,
  'demo/demo.elf': new URL('../../guests/demo/demo.elf', import.meta.url).href,
  'minipv/minipv-pv.cfg': new URL('../../guests/minipv/minipv-pv.cfg', import.meta.url).href,
  'minipv/minipv-pvh.cfg': new URL('../../guests/minipv/minipv-pvh.cfg', import.meta.url).href,
  'minipv/minipv-hvm.cfg': new URL('../../guests/minipv/minipv-hvm.cfg', import.meta.url).href,
  'demo/demo.cfg': new URL('../../guests/demo/demo.cfg', import.meta.url).href,
  'figure.sh': new URL('../../guests/figure.sh', import.meta.url).href,
};

/** @throws Error where the server does not have it */
export const fetchEmbedded: ReadEmbedded = async name => {
  const answer = await fetch(URLS[name]);
  // A server that answers every address with the page does not have it either.
  if (!answer.ok || /html/.test(answer.headers.get('content-type') ?? '')) throw new Error(`${name}: the server answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
};
