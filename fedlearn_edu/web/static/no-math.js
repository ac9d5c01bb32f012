// Labs write their formulas as text, so no typesetter is shipped.  Voilà's front end asks for
// one all the same: it gets one that does nothing.
window.MathJax = (() => {
  const nothing = () => {};
  const Register = { StartupHook: nothing };
  return { Hub: { Config: nothing, Configured: nothing, Queue: nothing, Register } };
})();
