/**
 * What hostile front ends send: most of a message is as it should be, some of it is anything. Each kind has a stage of its own (stage.ts), so that what one
 * does is not hidden by what another did.
 */
import { FB_DIRECTORY, FB_OUT_EVENTS, FB_OUT_OFFSET, FB_PAGE } from '../../../dom0/backends/vfb/index.ts';
import type { Pick } from '../../harness/pick.ts';
import { CONSOLE, type Device, type Puppet, type Stage, STORE } from './stage.ts';

/** Frames and grants of the hostile domain: ring pages, a list of frames, and data; every fifth data page is granted for reading alone, every seventh not. */
const RING_GFN = 16,
  LIST_GFN = 18,
  DATA_GFN = 32,
  DATA_PAGES = 16,
  RING_REF = 8,
  DATA_REF = 100;
/** Nodes that the front ends of any kind write. */
const NODES =
  'ring-ref ring-ref0 ring-ref1 ring-page-order event-channel protocol state page-ref page-gref tx-ring-ref rx-ring-ref request-rx-copy feature-sg request-abs-pointer'.split(
    ' ',
  );
const PATHS = [
  'name',
  'device',
  'data/x',
  '/local/domain/1/name',
  '/local/domain/0',
  '/',
  '',
  '..',
  '@releaseDomain',
  'x'.repeat(300),
  'device/vbd/51712/state',
  'control/shutdown',
  '/local/domain//',
];
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What one kind of front end does. */
export interface Campaign {
  device?: Device;
  /** Frames that another thread may write all the time. */
  shared: readonly number[];
  /** Connects a new domain. */
  begin(stage: Stage, hostile: Puppet): void;
  /** One message, with its event. */
  step(stage: Stage, hostile: Puppet, pick: Pick): void;
  /** Its device was closed: nothing more is to be learned from this domain. */
  isOver(stage: Stage, hostile: Puppet): boolean;
}

/** A word that is right, nearly right, or anything. */
function word(pick: Pick): number {
  switch (pick(6)) {
    case 0:
      return pick(2 ** 32) | 0;
    case 1:
      return -1 - pick(4);
    case 2:
      return DATA_REF + pick(DATA_PAGES + 2);
    default:
      return pick(12);
  }
}

const frontend = (hostile: Puppet, kind: string, devid: number): string =>
  `/local/domain/${hostile.record.id}/device/${kind}/${devid}`;

function publish(stage: Stage, path: string, nodes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(nodes)) stage.services.client.write(`${path}/${name}`, String(value));
}

/** Something else than a device expects in its node. */
const nodeValue = (pick: Pick): string =>
  [
    '',
    '-1',
    '0',
    '3',
    '4',
    '5',
    '6',
    '99999999999',
    'x86_64-abi',
    '\u0000',
    String(pick(2 ** 32)),
    'x'.repeat(pick(2000)),
  ][pick(12)];

function grantAll(hostile: Puppet): void {
  for (const i of [0, 1]) hostile.grants.grant(RING_REF + i, 0, RING_GFN + i);
  for (let i = 0; i < DATA_PAGES; i++) if (i % 7 !== 6) hostile.grants.grant(DATA_REF + i, 0, DATA_GFN + i);
}

/** A device with rings: slots are filled, its index goes on, and it rings. */
function ringed(
  device: 'vbd' | 'vif',
  slotWords: readonly number[],
  nodes: Record<string, string | number>,
  slot: (pick: Pick, ring: number) => number[],
): Campaign {
  const path = (hostile: Puppet): string => frontend(hostile, device, device === 'vbd' ? 51712 : 0);
  let port = 0;
  return {
    device,
    shared: [RING_GFN, RING_GFN + 1, DATA_GFN, DATA_GFN + 1],
    begin(stage, hostile) {
      grantAll(hostile);
      for (const i of slotWords.keys()) {
        hostile.words(RING_GFN + i).fill(0);
        hostile.words(RING_GFN + i).set([0, 1, 0, 1]);
      }
      port = stage.services.dom0.allocUnboundFor(hostile.record.id);
      publish(stage, path(hostile), { ...nodes, 'event-channel': port, state: 3 });
    },
    step(stage, hostile, pick) {
      const which = pick(slotWords.length);
      const ring = hostile.words(RING_GFN + which);
      const size = slotWords[which];
      const slots = 2 ** Math.floor(Math.log2((1024 - 16) / size));
      const kind = pick(400);
      if (kind === 0) ring[pick(4)] = word(pick);
      else if (kind === 1)
        stage.services.client.write(`${path(hostile)}/${NODES[pick(NODES.length)]}`, nodeValue(pick));
      else if (kind === 2)
        hostile.words(DATA_GFN + pick(DATA_PAGES)).set(
          Array.from({ length: 32 }, () => word(pick)),
          pick(900),
        );
      else
        for (let count = 1 + pick(3); count > 0; count--) {
          const produced = ring[0];
          // As much as there are answers to, most of the time: a ring that is overfull ends its device.
          if (((produced - ring[2]) | 0) >= slots - 1 && pick(50) > 0) break;
          ring.set(slot(pick, which).slice(0, size), 16 + ((produced >>> 0) % slots) * size);
          ring[0] = produced + 1;
        }
      hostile.ports.send(port);
    },
    isOver: (stage, hostile) =>
      Number(
        stage.services.client.read(
          `/local/domain/0/backend/${device}/${hostile.record.id}/${device === 'vbd' ? 51712 : 0}/state`,
        ),
      ) > 4,
  };
}

const vbd = ringed('vbd', [27], { 'ring-ref': RING_REF, protocol: 'x86_32-abi', 'feature-persistent': 1 }, pick => {
  const isWild = pick(60) === 0;
  const op = isWild ? pick(256) : [0, 1, 2, 3, 5, 6][pick(6)];
  const count = isWild ? pick(256) : 1 + pick(4);
  const data = (): number => (isWild ? word(pick) : DATA_REF + pick(6));
  const part = (): number => (isWild ? pick(65536) : 0x700);
  if (op === 6) return [6 | (pick(2) << 8) | (count << 16), word(pick), 0, pick(300), 0, 0, data(), data()];
  return [
    op | (count << 8),
    word(pick),
    0,
    pick(300),
    isWild ? word(pick) : 0,
    ...Array.from({ length: 11 }, () => [data(), part()]).flat(),
  ];
});

const vif = ringed(
  'vif',
  [3, 2],
  {
    'tx-ring-ref': RING_REF,
    'rx-ring-ref': RING_REF + 1,
    'request-rx-copy': 1,
    'feature-sg': 1,
    'feature-gso-tcpv4': 1,
  },
  (pick, ring) => {
    const isWild = pick(200) === 0;
    const ref = isWild ? word(pick) : DATA_REF + pick(6);
    if (ring === 1) return [pick(65536), ref];
    if (pick(200) === 0)
      return [(1 + pick(4)) | (pick(8) === 0 ? 256 : 0) | (pick(65536) << 16), isWild ? word(pick) : 1];
    const flags = pick(60) === 0 ? pick(16) : pick(2);
    return [
      ref,
      (isWild ? pick(8192) : pick(64)) | (flags << 16),
      pick(65536) | ((isWild ? pick(65536) : 60 + pick(1400)) << 16),
    ];
  },
);

const FB_PORTS = { vfb: 0, vkbd: 0 };
const vfb: Campaign = {
  device: 'vfb',
  shared: [RING_GFN + 1, DATA_GFN],
  begin(stage, hostile) {
    const page = hostile.words(RING_GFN);
    Object.assign(page, {
      [FB_PAGE.WIDTH]: 64,
      [FB_PAGE.HEIGHT]: 32,
      [FB_PAGE.LINE_LENGTH]: 512,
      [FB_PAGE.MEM_LENGTH]: DATA_PAGES * 4096,
      [FB_PAGE.DEPTH]: 32,
    });
    page[FB_DIRECTORY[4] / 4] = LIST_GFN;
    hostile.words(LIST_GFN).set(Array.from({ length: DATA_PAGES }, (_, i) => DATA_GFN + i));
    hostile.grants.grant(RING_REF + 1, 0, RING_GFN + 1);
    for (const kind of ['vfb', 'vkbd'] as const)
      FB_PORTS[kind] = stage.services.dom0.allocUnboundFor(hostile.record.id);
    publish(stage, frontend(hostile, 'vfb', 0), {
      'page-ref': RING_GFN,
      'event-channel': FB_PORTS.vfb,
      'feature-update': 1,
      state: 3,
    });
    publish(stage, frontend(hostile, 'vkbd', 0), {
      'page-ref': RING_GFN + 1,
      'page-gref': RING_REF + 1,
      'event-channel': FB_PORTS.vkbd,
      'request-abs-pointer': 1,
      state: 3,
    });
  },
  step(stage, hostile, pick) {
    const page = hostile.words(RING_GFN),
      keys = hostile.words(RING_GFN + 1);
    const kind = pick(300);
    if (kind === 0) page[pick(16)] = word(pick);
    else if (kind === 1) keys[pick(4)] = word(pick);
    else if (kind === 2)
      stage.services.client.write(
        `${frontend(hostile, pick(2) ? 'vfb' : 'vkbd', 0)}/${NODES[pick(NODES.length)]}`,
        nodeValue(pick),
      );
    else if (kind < 100) {
      hostile.attached.screen?.key(['KeyA', 'Enter', 'NoSuchKey'][pick(3)], pick(2) === 0);
      hostile.attached.screen?.mouse({ dx: word(pick), dy: word(pick), dz: pick(3) - 1, buttons: pick(32) });
      if (pick(8) > 0) keys[0] = keys[1];
    } else {
      const isWild = pick(150) === 0;
      const at = FB_OUT_OFFSET / 4 + ((page[FB_PAGE.OUT_PROD] >>> 0) % FB_OUT_EVENTS) * 10;
      const event =
        pick(20) === 0
          ? [3, 1 + pick(64), 1 + pick(32), 512, 32, pick(4) * 512]
          : [2, pick(80) - 8, pick(40) - 4, pick(80), pick(40)];
      page.set(isWild ? Array.from({ length: 10 }, () => word(pick)) : event, at);
      page[FB_PAGE.OUT_PROD]++;
    }
    hostile.ports.send(FB_PORTS[pick(2) ? 'vfb' : 'vkbd']);
  },
  isOver: (stage, hostile) =>
    ['vfb', 'vkbd'].some(
      kind => Number(stage.services.client.read(`/local/domain/0/backend/${kind}/${hostile.record.id}/0/state`)) > 4,
    ),
};

const console: Campaign = {
  shared: [6],
  begin() {},
  step(_stage, hostile, pick) {
    const words = hostile.words(hostile.console);
    const kind = pick(20);
    if (kind === 0) words[CONSOLE.IN_CONS + pick(4)] = word(pick);
    else if (kind === 1) for (let i = 0; i < 4; i++) words[CONSOLE.IN_CONS + i] = 0;
    else {
      hostile.bytes(hostile.console).fill(pick(256), CONSOLE.OUT + pick(1024), CONSOLE.OUT + 2048);
      words[CONSOLE.OUT_PROD] += pick(64);
    }
    if (pick(4) === 0) hostile.attached.input(new Uint8Array(pick(2000)));
    hostile.ports.send(2);
  },
  isOver: () => false,
};

const xenstore: Campaign = {
  shared: [5],
  begin() {},
  step(_stage, hostile, pick) {
    const words = hostile.words(hostile.store),
      bytes = hostile.bytes(hostile.store);
    const kind = pick(300);
    if (kind === 0) words[STORE.REQ_CONS + pick(4)] = word(pick);
    // Begins again, as a guest that is stuck may.
    else if (kind < 4) words[STORE.CONNECTION] = 1;
    else {
      // It takes what it was answered, most of the time.
      if (pick(4) > 0) words[STORE.RSP_CONS] = words[STORE.RSP_PROD];
      const parts = Array.from({ length: pick(4) }, () =>
        pick(3) > 0 ? PATHS[pick(PATHS.length)] : String(word(pick)),
      );
      const payload =
        pick(8) === 0
          ? Uint8Array.from({ length: pick(200) }, () => pick(256))
          : encode(parts.map(part => `${part}\0`).join('') + (pick(2) ? 'value' : ''));
      const message = new Uint8Array(16 + payload.length);
      new Uint32Array(message.buffer, 0, 4).set([
        pick(60) === 0 ? word(pick) : pick(24),
        word(pick),
        pick(3) === 0 ? word(pick) : 0,
        pick(400) === 0 ? word(pick) : payload.length,
      ]);
      message.set(payload, 16);
      const produced = words[STORE.REQ_PROD];
      if (((produced - words[STORE.REQ_CONS]) >>> 0) + message.length <= STORE.BYTES || pick(20) === 0) {
        message.forEach((byte, i) => (bytes[((produced >>> 0) + i) % STORE.BYTES] = byte));
        words[STORE.REQ_PROD] = produced + message.length;
      }
    }
    hostile.ports.send(1);
  },
  isOver: () => false,
};

export const CAMPAIGNS: Readonly<Record<string, Campaign>> = { xenstore, vbd, vif, console, vfb };
