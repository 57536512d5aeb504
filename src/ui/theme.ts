/** Light, dark or contrast: what the system asks for unless a person chose. The tokens are in style.css. */

import { computed, effect, signal } from '@preact/signals';
import { theme } from './settings.ts';

const contrastQuery = matchMedia('(prefers-contrast: more)');
const darkQuery = matchMedia('(prefers-color-scheme: dark)');
const system = () => (contrastQuery.matches ? 'contrast' : darkQuery.matches ? 'dark' : 'light');
const systemTheme = signal(system());

export const shownTheme = computed(() => (theme.value === 'system' ? systemTheme.value : theme.value));

export function followTheme(): void {
  for (const query of [contrastQuery, darkQuery])
    query.addEventListener('change', () => {
      systemTheme.value = system();
    });
  effect(() => {
    document.documentElement.dataset.theme = shownTheme.value;
  });
}
