/** The choice of a theme: in the header, and on a phone in Help. */

import { theme, type ThemeChoice } from '../settings.ts';
import { strings } from '../strings.ts';
import { Icon } from './marks.tsx';

export const ThemePick = ({ look = '' }: { look?: string }) => (
  <div class={`pick ${look}`} title={strings.theme.label}>
    <Icon name="theme" size={14} />
    <select
      class="btn quiet"
      aria-label={strings.theme.label}
      value={theme.value}
      onChange={event => {
        theme.value = event.currentTarget.value as ThemeChoice;
      }}
    >
      {(['system', 'light', 'dark', 'contrast'] as const).map(choice => (
        <option key={choice} value={choice}>
          {strings.theme[choice]}
        </option>
      ))}
    </select>
  </div>
);
