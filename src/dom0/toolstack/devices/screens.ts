/**
 * A guest's paravirtual screen with its keyboard and pointer (vfb): their nodes in the store, their back ends, and what is kept of them in a saved state.
 * Source: tools/libs/light/libxl_console.c, libxl_vkb.c for the nodes.
 */
import type { MouseMove } from '../../../hypervisor/index.ts';
import type { ScreenWriter, Timers } from '../../../devices/index.ts';
import type { Vfb, Vkbd } from '../../backends/vfb/index.ts';
import { ScreenBlock } from '../../../hypervisor/domain/index.ts';
import { backend, type BackendParts, type DeviceId, loadBackends, XenbusBackend } from '../../backends/index.ts';
import type { DeviceKind, GuestDevices } from './device-kind.ts';
import { removeDevicePaths, writeDevicePaths } from './device-paths.ts';

/** What a saved state has of it; anybody's word until a back end has looked at it. */
interface SavedScreen {
  vfb?: unknown;
  vkbd?: unknown;
}

/** What a saved guest's screen was in the middle of. */
const savedScreen = (saved: unknown): SavedScreen | undefined =>
  typeof saved === 'object' && saved !== null ? saved : undefined;

export class PvScreen implements GuestDevices {
  private readonly parts: BackendParts;
  private readonly saved: SavedScreen;
  private readonly ids: Record<'vfb' | 'vkbd', DeviceId>;
  private readonly vfb: Vfb;
  private readonly vkbd: Vkbd;
  private backends: { vfb: XenbusBackend; vkbd: XenbusBackend } | undefined;

  /** Writes what the guest finds in the store. It does not run yet. */
  constructor(
    parts: BackendParts,
    {
      domid,
      screen,
      timers,
      saved = {},
    }: { domid: number; screen: ScreenWriter; timers: Timers; saved?: SavedScreen | undefined },
  ) {
    this.parts = parts;
    this.saved = saved;
    const { Vfb, Vkbd } = backend('vfb');
    this.vfb = new Vfb(screen, timers);
    this.vkbd = new Vkbd(() => this.vfb.size);
    this.ids = { vfb: { kind: 'vfb', domid, devid: 0 }, vkbd: { kind: 'vkbd', domid, devid: 0 } };
    writeDevicePaths(parts.client, this.ids.vfb, {
      frontend: {},
      backend: { vnc: 1, vncunused: 1, sdl: 0, opengl: 0 },
    });
    writeDevicePaths(parts.client, this.ids.vkbd, { frontend: {}, backend: {} });
  }

  start(): void {
    const { ids, parts, saved } = this;
    this.backends = {
      vfb: new XenbusBackend(parts, ids.vfb, this.vfb, saved.vfb),
      vkbd: new XenbusBackend(parts, ids.vkbd, this.vkbd, saved.vkbd),
    };
  }

  save(unasked: boolean): SavedScreen {
    return unasked ? { vfb: this.backends?.vfb.save(), vkbd: this.backends?.vkbd.save() } : {};
  }

  /** A key by its KeyboardEvent.code. */
  key(code: string, down: boolean): void {
    this.vkbd.key(code, down);
  }

  mouse(move: MouseMove): void {
    this.vkbd.mouse(move);
  }

  close(): void {
    const { backends, ids, parts } = this;
    for (const each of ['vkbd', 'vfb'] as const) {
      backends?.[each].close();
      removeDevicePaths(parts.client, ids[each]);
    }
    this.vfb.remove();
  }
}

export const SCREEN: DeviceKind<true, PvScreen | undefined> = {
  load: () => loadBackends(['vfb']),
  // Of a full virtual machine it is the VGA's.
  planned: ({ definition, hasVga }) => (definition.vfb && !hasVga) || undefined,
  attach: ({ backends, network, machine, record }, given, saved) =>
    given &&
    new PvScreen(backends, {
      domid: record.id,
      screen: new ScreenBlock(machine, record),
      timers: network.timers,
      saved: savedScreen(saved),
    }),
};
