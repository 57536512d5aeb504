/**
 * A guest's paravirtual screen with its keyboard and pointer (vfb): their nodes in the store, their back ends, and what is kept of them in a saved state.
 * Source: tools/libs/light/libxl_console.c, libxl_vkb.c for the nodes.
 */
import type { MouseMove } from '../../../hypervisor/index.ts';
import type { ScreenWriter, Timers } from '../../../devices/index.ts';
import type { Vfb, Vkbd } from '../../backends/vfb/index.ts';
import { backend, type BackendParts, type DeviceId, XenbusBackend } from '../../backends/index.ts';
import { removeDevicePaths, writeDevicePaths } from './device-paths.ts';

/** What a saved state has of it; anybody's word until a back end has looked at it. */
interface SavedScreen {
  vfb?: unknown;
  vkbd?: unknown;
}

/** Whether a saved guest had a screen, and what it was in the middle of. */
export const savedScreen = (state: { screen?: unknown } | undefined): SavedScreen | undefined =>
  typeof state?.screen === 'object' && state.screen !== null ? state.screen : undefined;

export class PvScreen {
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

  /** The back ends begin: all that the guest had of its own is in the store. */
  start(): void {
    const { ids, parts, saved } = this;
    this.backends = {
      vfb: new XenbusBackend(parts, ids.vfb, this.vfb, saved.vfb),
      vkbd: new XenbusBackend(parts, ids.vkbd, this.vkbd, saved.vkbd),
    };
  }

  /** `unasked`: the guest knows nothing of it, and goes on with the pages that it has. */
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
