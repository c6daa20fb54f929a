// The best complexes, one at a time: structure, chain pairs, aligned error. Data lie in the page, compressed.
(() => {
  const section = document.getElementById("details");
  if (!section) return;
  const at = (id) => document.getElementById(id);
  const { scores, step } = JSON.parse(at("settings").textContent);
  const packages = section.querySelectorAll("script.details");
  const PALETTE = ["#0f6e84", "#d9772b", "#7d2248", "#4f9d69", "#d8a634", "#4361a6", "#b5422c", "#78b7a5", "#8a6fb0", "#6b705c"];
  // Colours of pLDDT as in the AlphaFold database.
  const confidence = (b) => (b > 90 ? "#0053d6" : b > 70 ? "#65cbf3" : b > 50 ? "#ffdb13" : "#ff7d45");
  const CROWD = 15000; // atoms from which spheres are drawn: a tube through them all would take too long

  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  let library = null;
  const loadLibrary = () => {
    library ??= unpack(at("viewer-library").textContent).then((source) => {
      const script = document.createElement("script");
      script.textContent = source;
      document.head.append(script);
    });
    return library;
  };

  let viewer = null;
  let shown = null;

  const style = () => {
    const { chains, structure } = shown;
    const byChain = section.querySelector("input[name=colour]:checked").value === "chain";
    const place = new Map(chains.map((chain, k) => [chain, k]));
    const colorfunc = (atom) => (byChain ? PALETTE[(place.get(atom.chain) ?? 0) % PALETTE.length] : confidence(atom.b));
    const trace = structure.kind === "trace";
    const crowded = viewer.getModel().selectedAtoms({}).length > CROWD;
    const points = structure.kind === "points";
    const polymer = crowded || points ? { sphere: { radius: points ? 0.9 : 1.9, colorfunc } } : { cartoon: { colorfunc, style: trace ? "trace" : "oval", thickness: trace ? 0.6 : 0.4 } };
    viewer.setStyle({ hetflag: false }, polymer);
    viewer.setStyle({ hetflag: true }, { stick: { radius: 0.25, colorfunc }, sphere: { scale: 0.3, colorfunc } });
    at("plddt-legend").hidden = byChain;
    viewer.render();
  };

  const showStructure = async () => {
    const box = at("viewer");
    box.hidden = !shown.structure;
    const said = { backbone: "Backbone and ligands.", trace: "One atom for each residue, and ligands.", points: "Neighbouring residues are not as far apart as in a chain, so each is a ball: weights that are not trained do that." };
    at("structure-text").textContent = shown.structure
      ? `${said[shown.structure.kind]} Drag or arrow keys turn it, the wheel or + and − zoom.`
      : "No 3-D view of this complex on the page; the link in the table opens its structure.";
    if (!shown.structure) return;
    const wanted = shown;
    await loadLibrary();
    if (wanted !== shown) return; // another complex was chosen meanwhile
    try {
      viewer ??= $3Dmol.createViewer(box, { backgroundColor: "white", disableFog: true });
    } catch (error) {
      viewer = null;
    }
    if (!viewer) {
      at("structure-text").textContent = "This browser cannot draw in 3-D (WebGL is off); open the structure file instead.";
      box.hidden = true;
      return;
    }
    viewer.removeAllModels();
    viewer.addModel(shown.structure.mmcif, "cif");
    style();
    viewer.zoomTo();
    viewer.render();
    section.viewer = viewer;
  };

  const chainText = (k) => `${shown.chains[k]}${shown.members[k] ? ` (${shown.members[k]})` : ""}`;

  const pairMap = (target, text, name, lengths) => {
    const values = shown.pairs[name];
    const { label, range } = scores[name];
    at(target).replaceChildren();
    at(text).textContent = "";
    if (shown.chains.length < 2) at(text).textContent = "One chain: there are no pairs.";
    else if (!values) at(text).textContent = `There is no ${label} of these pairs.`;
    if (shown.chains.length < 2 || !values) return;
    const error = name === "pae_contacts";
    const digits = error ? 1 : 2;
    const rule = `${label}: ${range}. Columns are scored, from the frames of the rows.`;
    at(text).textContent = rule;
    const say = (row, column, value) => {
      const what = row === column ? "the chain itself" : value === null ? "no value" : `${label} ${value.toFixed(digits)}`;
      at(text).textContent = `${chainText(column)} from the frames of ${chainText(row)}: ${what}. ${rule}`;
    };
    at(target).append(
      maps.matrix({
        chains: shown.chains,
        values,
        lengths,
        share: error ? (value) => 1 - value / 31.75 : (value) => value,
        format: (value) => value.toFixed(digits),
        label: `${label} of every pair of ${shown.chains.length} chains; arrow keys read the cells`,
        say,
      }),
    );
  };

  const showPairs = () => pairMap("matrix", "matrix-text", at("pair-score").value, shown.chains.map(() => 1));

  const showError = () => {
    const { pae, chains, lengths } = shown;
    at("error-title").textContent = pae ? "Predicted aligned error" : "Interface map";
    if (!pae) {
      pairMap("error", "error-text", "pae_contacts", lengths);
      const why = "The aligned error of all residues was not kept (predict.pae), so this map is made of chain pairs, as large as the chains are long. ";
      at("error-text").prepend(why);
      return;
    }
    const label = `Predicted aligned error of ${pae.tokens} tokens`;
    at("error").replaceChildren(maps.picture({ ...pae, chains, lengths, step, label }));
    const cell = pae.tokens > pae.cells ? ` One pixel is the mean of about ${Math.round(pae.tokens / pae.cells)} × ${Math.round(pae.tokens / pae.cells)} tokens.` : "";
    at("error-text").textContent = `Dark: the place of the column's residue is sure (0 Å) when aligned on the row's; pale: it is not (32 Å). Lines part chains.${cell}`;
  };

  const cache = new Map();
  const look = async (number) => {
    at("which").value = number;
    if (!cache.has(number)) cache.set(number, JSON.parse(await unpack(packages[number].textContent)));
    if (at("which").value !== String(number)) return;
    shown = cache.get(number);
    at("remarks").replaceChildren(...shown.remarks.map((text) => Object.assign(document.createElement("p"), { className: "note", textContent: text })));
    showPairs();
    showError();
    await showStructure();
  };

  section.querySelector(".needs-script").remove();
  at("looking").hidden = false;
  at("which").addEventListener("change", (event) => look(Number(event.target.value)));
  at("pair-score").addEventListener("change", showPairs);
  for (const input of section.querySelectorAll("input[name=colour]")) input.addEventListener("change", () => viewer && style());
  at("viewer").addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: [-10, "y"], ArrowRight: [10, "y"], ArrowUp: [-10, "x"], ArrowDown: [10, "x"] }[event.key];
    const zoom = { "+": 1.2, "-": 1 / 1.2 }[event.key];
    if (!viewer || !(turn || zoom)) return;
    event.preventDefault();
    if (turn) viewer.rotate(...turn);
    else viewer.zoom(zoom);
  });
  // Rows of a long table come and go, and their buttons with them.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.look");
    if (!button) return;
    look(Number(button.dataset.details));
    section.scrollIntoView();
    at("which").focus({ preventScroll: true });
  });
  // The first one is unpacked when it comes near the window.
  const near = new IntersectionObserver((entries) => {
    if (!shown && entries.some((entry) => entry.isIntersecting)) {
      near.disconnect();
      look(Number(at("which").value));
    }
  }, { rootMargin: "600px" });
  near.observe(section);
})();
