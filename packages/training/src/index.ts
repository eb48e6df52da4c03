export * from './cpu-trainer-command.ts';
export * from './recipe.ts';
