/** The gateway's own words, which are English in every language of the page. */
export function PlanReasons({ reasons }: { readonly reasons: readonly string[] }) {
  return (
    <ul className="reasons" lang="en">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}
