// Comfort only: without this script everything is still readable and playable.
(function () {
  "use strict";
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  // Light and dark.
  const toggle = document.getElementById("theme");
  function nameToggle() {
    toggle.textContent = dark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", "Switch to " + (dark() ? "light" : "dark") + " colours");
  }
  toggle.hidden = false;
  nameToggle();
  toggle.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("sonoscope-theme", root.dataset.theme); } catch (error) { /* not stored, then */ }
    nameToggle();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { nameToggle(); redraw(); });

  // Sound: one clip at a time; the picture shows how far it is, and a click on it plays from there.
  const players = [...document.querySelectorAll(".clip audio")];
  for (const player of players) {
    const picture = player.closest(".clip").querySelector(".picture");
    let frame = 0;
    const show = () => {
      const done = player.duration ? player.currentTime / player.duration : 0;
      picture.style.setProperty("--done", done);
      if (!player.paused) frame = requestAnimationFrame(show);
    };
    player.addEventListener("play", () => {
      for (const other of players) if (other !== player) other.pause();
      picture.classList.add("played");
      cancelAnimationFrame(frame);
      show();
    });
    player.addEventListener("seeked", show);
    player.addEventListener("ended", () => picture.classList.remove("played"));
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const seek = () => { player.currentTime = share * player.duration; };
      if (player.readyState > 0) seek();
      else player.addEventListener("loadedmetadata", seek, { once: true });
      player.play();
    });
  }

  // Tables: a click on a heading sorts, a second one sorts the other way.
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    for (const button of table.querySelectorAll("th button")) {
      button.addEventListener("click", () => {
        const heading = button.closest("th");
        const down = heading.getAttribute("aria-sort") === "ascending";
        for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const at = heading.cellIndex;
        const isNumber = heading.classList.contains("number");
        const key = (row) => row.cells[at].dataset.value ?? row.cells[at].textContent.trim();
        const compare = (a, b) => {
          if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");  // what is unknown stands last
          const order = isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b), "en", { numeric: true });
          return down ? -order : order;
        };
        body.append(...[...body.rows].sort(compare));
      });
    }
  }

  // Charts: Vega is loaded when the first one is asked for.
  let vega = null;
  function load() {
    vega ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "assets/vega.js";
      script.onload = resolve;
      script.onerror = () => reject(new Error("assets/vega.js could not be loaded"));
      document.head.append(script);
    });
    return vega;
  }
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  async function draw(chart) {
    await load();
    const spec = JSON.parse(document.getElementById(chart.dataset.spec).textContent);
    const text = { labelColor: colour("ink"), titleColor: colour("ink"), labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400 };
    const config = {
      background: "transparent",
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: null },
      axis: { ...text, domainColor: colour("muted"), tickColor: colour("muted"), gridColor: colour("line"), titlePadding: 10 },
      axisX: { grid: false },
      legend: { ...text, orient: "top", symbolType: "circle" },
      range: { category: spec.usermeta.inks.map(colour) },
    };
    await window.vegaEmbed(chart, spec, { actions: false, renderer: "svg", config });
    chart.querySelector("svg")?.setAttribute("aria-hidden", "true");  // the picture beside it has words, the CSV its numbers
  }
  function redraw() {
    for (const chart of document.querySelectorAll(".chart:not([hidden])")) draw(chart);
  }
  for (const button of document.querySelectorAll("button.interactive")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const figure = button.closest("figure");
      const chart = figure.querySelector(".chart");
      const on = chart.hidden;
      chart.hidden = !on;
      figure.classList.toggle("is-interactive", on);
      button.setAttribute("aria-pressed", String(on));
      if (on) await draw(chart);
    });
  }

  // Print shows what is folded.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details:not([open])")) { folded.open = true; folded.dataset.unfolded = ""; }
  });
  addEventListener("afterprint", () => {
    for (const folded of document.querySelectorAll("details[data-unfolded]")) { folded.open = false; delete folded.dataset.unfolded; }
  });
})();
