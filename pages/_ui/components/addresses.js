// Addresses of our own routes and pages: `served('/history')`. Where the dashboard is served below a path of its host, such as
// "/lab", the loader of components puts that path in place of the mark.
const SERVED_BELOW = '%served below%';

function served(address) {
  return SERVED_BELOW + address;
}
