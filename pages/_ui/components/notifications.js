// Whether this browser's person wants notifications. Asked for by a press only; kept in the browser, for all pages and tabs.

const NOTIFY_KEY = 'rivya-notify';

function canNotify() {
  return 'Notification' in window && window.isSecureContext;
}

function notifies() {
  return canNotify() && Notification.permission === 'granted' && localStorage.getItem(NOTIFY_KEY) === 'on';
}
