export interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
}

/** One of a list, by the browser's own control. */
export function Choice<Value extends string>({ label, value, options, onChange }: ChoiceProps<Value>) {
  return (
    <label>
      {label}
      <select
        value={value}
        onChange={(event) => {
          onChange(event.target.value as Value);
        }}
      >
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export interface NumberFieldProps {
  readonly label: string;
  /** As typed; '' leaves the choice to the gateway. */
  readonly value: string;
  /** What happens when nothing is typed. */
  readonly placeholder: string;
  readonly min: number;
  readonly max?: number;
  readonly step?: number;
  readonly onChange: (value: string) => void;
}

export function NumberField({ label, onChange, step = 1, ...field }: NumberFieldProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        step={step}
        {...field}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
    </label>
  );
}
