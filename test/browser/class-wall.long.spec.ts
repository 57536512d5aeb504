/** A class: a student's tab and the teacher's wall in another, and pages of several browsers at a hub. */

import { Ringside } from '../support/command-line.ts';
import { expect, test } from './page.ts';

test('a wall shows what a student predicts and measures, holds the class, and sends it a lesson', async ({
  page: wall,
  context,
}) => {
  await wall.goto('./?time=virtual&lesson=ring-request&seed=a&view=wall&room=lab1');
  await expect(wall.getByText('0 students, 0 stuck.')).toBeVisible();
  const student = await context.newPage();
  student.on('dialog', dialog => void dialog.accept());
  await student.goto(await wall.locator('details code').first().innerText());
  await student.getByLabel('Your name').fill('Ada');
  await student.keyboard.press('Enter');
  await expect(student.getByText('you are number 1, without your name')).toBeVisible();
  await expect(wall.getByText('1 student, 0 stuck.')).toBeVisible();

  await student.getByLabel(/How many doorbells does Domain-0 hear/).fill('50');
  await student.getByRole('button', { name: 'Keep the answer' }).click();
  await expect(wall.getByRole('img', { name: '1 predicted, 0 measured, from 50 to 50' })).toBeVisible();
  await student.getByRole('button', { name: 'Run it for me' }).click();
  await student.getByRole('button', { name: 'Measure' }).click();
  await expect(wall.getByRole('img', { name: /1 predicted, 1 measured/ })).toBeVisible();
  await expect(wall.locator('body')).not.toContainText('Ada');

  // What is no student's word is refused, and reported.
  await student.evaluate(() => {
    const channel = new BroadcastChannel('ringside-class-lab1');
    for (const text of [{ version: 1 }, '<b>', 'x'.repeat(1e6), '{"version":2}']) channel.postMessage(text);
  });
  await expect(
    wall.getByText('Refused: 1 too long; 2 that a student’s page does not send; 1 of another'),
  ).toBeVisible();

  await wall.getByRole('button', { name: 'Hold the class' }).press('Enter');
  await expect(student.getByText('Your teacher holds the class.')).toBeVisible();
  await expect(student.locator('.lesson')).toHaveAttribute('inert');
  await wall.getByRole('button', { name: 'Hold the class' }).press('Enter');
  await expect(student.locator('.lesson')).not.toHaveAttribute('inert');

  await wall.getByLabel('Lesson for the class').selectOption({ label: 'Grant tables' });
  await wall.getByRole('button', { name: 'Send it to the class' }).click();
  await student.getByRole('link', { name: 'Grant tables' }).click();
  await expect(student.getByRole('heading', { name: 'Grant tables' })).toBeVisible();
  await expect(wall.getByText('1 student, 0 stuck.')).toBeVisible();
  await student.getByRole('button', { name: 'Leave the class' }).click();
  await expect(wall.getByText('0 students, 0 stuck.')).toBeVisible();
});

test('a class of two browsers meets its wall at a hub, and says when that is gone', async ({ page: wall, browser }) => {
  const hub = new Ringside('pool', '--listen', '127.0.0.1:0', '--no-page');
  const contexts = await Promise.all([browser.newContext(), browser.newContext()]);
  try {
    await hub.expect('(Ctrl-C ends it.)', 60);
    const address = /sh --join (\S+)/.exec(hub.output)![1]!;
    await wall.goto('./?time=virtual&lesson=ring-request&seed=a&view=wall');
    await wall.getByLabel('Code, or address of a hub').fill(address);
    await wall.getByRole('button', { name: 'Meet there' }).click();
    await expect(wall.getByText('The class meets at a hub')).toBeVisible();
    const link = await wall.locator('details code').first().innerText();
    const students = await Promise.all(contexts.map(context => context.newPage()));
    for (const [i, student] of students.entries()) {
      student.on('dialog', dialog => void dialog.accept());
      await student.goto(new URL(link).search);
      await student.getByLabel('Your name').fill(`Ada ${i}`);
      await student.keyboard.press('Enter');
      await expect(student.getByText(`you are number ${i + 1}, without your name`)).toBeVisible();
      await student.getByLabel(/How many doorbells does Domain-0 hear/).fill(`${50 + i}`);
      await student.getByRole('button', { name: 'Keep the answer' }).click();
    }
    await expect(wall.getByRole('img', { name: '2 predicted, 0 measured, from 50 to 51' })).toBeVisible();
    await expect(wall.locator('body')).not.toContainText('Ada');

    await wall.getByRole('button', { name: 'Hold the class' }).press('Enter');
    for (const student of students) await expect(student.locator('.lesson')).toHaveAttribute('inert');
    await wall.getByRole('button', { name: 'Hold the class' }).press('Enter');
    for (const student of students) await expect(student.locator('.lesson')).not.toHaveAttribute('inert');

    // A page that ends says nothing any more, and is gone.
    await contexts[1]!.close();
    await expect(wall.getByText('1 student, 0 stuck.')).toBeVisible();
    await wall.getByLabel('Lesson for the class').selectOption({ label: 'Grant tables' });
    await wall.getByRole('button', { name: 'Send it to the class' }).click();
    await students[0]!.getByRole('link', { name: 'Grant tables' }).click();
    await expect(students[0]!.getByRole('heading', { name: 'Grant tables' })).toBeVisible();
    await expect(wall.getByText('1 student, 0 stuck.')).toBeVisible();

    await hub.kill();
    await expect(students[0]!.getByText('Nothing is sent to your class now.')).toBeVisible();
    await expect(wall.getByRole('alert')).toContainText('hub');
  } finally {
    await hub.kill();
    for (const context of contexts) await context.close();
  }
});
