/** What a browser that lends itself asks and tells. */
export const COMMANDS = `subscription ($key: String!, $name: String, $device: JSON, $worker: ID, $after: Int) {
  workerCommands(key: $key, name: $name, device: $device, worker: $worker, after: $after) { worker commands } }`;
export const REPORTS = `mutation ($key: String!, $worker: ID!, $first: Int!, $reports: JSON!, $seen: Int!, $leaving: Boolean) {
  workerReports(key: $key, worker: $worker, first: $first, reports: $reports, seen: $seen, leaving: $leaving) }`;
