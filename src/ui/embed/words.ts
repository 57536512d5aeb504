/** What the element says. */
export const words = {
  start: (name: string) => `Start ${name}`,
  again: 'Start again',
  starting: (name: string) => `${name} starts …`,
  screen: 'Screen',
  console: 'Console',
  screenOf: (name: string) => `${name}: screen`,
  consoleOf: (name: string) => `${name}: console`,
  off: 'No signal',
  gone: (name: string) => `${name} is gone.`,
  use: 'Click the screen, or press Enter on it, to use the guest’s keyboard and mouse.',
  leave: 'The guest has the keyboard. Left Ctrl + left Alt, pressed together and released, gives it back.',
  nothing:
    'Nothing to start: set definition="NAME" to a guest that comes with Ringside, or src="…" to the addresses of a definition and the files that it names.',
  answered: (url: string, status: number) => `${url}: the server answered ${status}.`,
  unreachable: (url: string) => `${url} could not be fetched. Its server must answer this page.`,
};
