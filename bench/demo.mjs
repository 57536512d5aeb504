/** The demo guest in the page, as a benchmark starts it and sees its prompt. */

/** Where larger guests were fetched its button is behind them. */
export async function pressDemo(page) {
  const all = page.getByText(/^All \d+ guests$/),
    button = page.getByRole('button', { name: 'Boot demo', exact: true, includeHidden: true });
  await all.waitFor();
  if (!(await button.isVisible())) await all.click();
  await button.click();
}

/** Its prompt is there, on its screen or its line: for `waitForFunction`, which runs it in the page. */
export const demoIsThere = () =>
  [...document.querySelectorAll('[data-testid=serial], [data-testid=screen-text]')].some(({ textContent }) =>
    textContent.includes('demo>'),
  );
