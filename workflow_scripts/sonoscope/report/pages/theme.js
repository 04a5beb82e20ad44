// Before anything is painted: the theme that was chosen on an earlier page, if any.
(function () {
  try {
    var theme = localStorage.getItem("sonoscope-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (error) { /* pages opened from disk may have no storage */ }
})();
