/** The inspectors: one file each, loaded when it is opened, and one line here. */
import type { ComponentType } from 'preact';
import { later } from '../parts/later.tsx';
import type { InspectorProps } from './frame.tsx';

export interface Entry {
  id: string;
  name: string;
  /** What it can look at. */
  of: 'guest' | 'host' | 'both';
  View: ComponentType<InspectorProps>;
}

export const INSPECTORS: readonly Entry[] = [
  { id: 'exits', name: 'Exits', of: 'both', View: later(() => import('./exits.tsx').then(part => part.Exits)) },
  { id: 'processor', name: 'Processor', of: 'guest', View: later(() => import('./processor.tsx').then(part => part.Processor)) },
  { id: 'xenstore', name: 'XenStore', of: 'both', View: later(() => import('./xenstore.tsx').then(part => part.XenStore)) },
];
