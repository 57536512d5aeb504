/** The desktop, once there are guests: its windows are loaded when it is shown. */

import { desktopPage } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { sessions } from '../sessions.ts';
import { strings } from '../strings.ts';
import { HostFrame } from './host-bar.tsx';
import { later } from './load-when-shown.tsx';

const words = strings.desktop;
const Tools = later(desktopPage, part => part.Tools);
const Desktop = later(desktopPage, part => part.Desktop);

export const desktopPanel: Panel = {
  id: 'desktop',
  region: 'bench',
  name: words.name,
  show: here =>
    here.kind === 'home' &&
    here.tab === undefined &&
    [...sessions.value.values()].some(({ gone }) => !gone.value) && (
      <HostFrame tools={<Tools />}>
        <Desktop />
      </HostFrame>
    ),
  title: here => (here.kind === 'home' && here.tab === undefined ? words.name : undefined),
};
