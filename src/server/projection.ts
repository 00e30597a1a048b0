import {
  getDirectiveValues,
  getNamedType,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  isLeafType,
  isNullableType,
  Kind,
  typeFromAST,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** Applies a selection set to one object, as graphql-js would. */
export type Projection = (source: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** What of an operation a projection depends on; none of it changes while a subscription runs. */
export interface ProjectionScope {
  readonly schema: GraphQLSchema;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * A selection set on an object type, made ready once. Serves only leaf fields whose value is the property of their
 * name; null for any other selection, which graphql-js then executes.
 */
export function projectionOf(
  type: GraphQLObjectType,
  selectionSet: SelectionSetNode,
  scope: ProjectionScope,
): Projection | null {
  const fields = new Map<string, string>();
  if (!collect(selectionSet, type, { ...scope, fields })) return null;
  const writers: ((from: Readonly<Record<string, unknown>>, to: Record<string, unknown>) => void)[] = [];
  for (const [responseName, name] of fields) {
    if (name === '__typename') {
      writers.push((_from, to) => (to[responseName] = type.name));
      continue;
    }
    const fieldType = type.getFields()[name]!.type;
    const leaf = getNamedType(fieldType);
    if (!isLeafType(leaf)) return null;
    const isNullable = isNullableType(fieldType);
    writers.push((from, to) => {
      const value = from[name] ?? null;
      to[responseName] = value === null && isNullable ? null : leaf.serialize(value);
    });
  }
  return (source) => {
    const result: Record<string, unknown> = {};
    for (const write of writers) write(source, result);
    return result;
  };
}

interface Collection extends ProjectionScope {
  /** Field names by response name, in the order of the document. */
  readonly fields: Map<string, string>;
}

/** False where a selection is more than leaf fields. */
function collect({ selections }: SelectionSetNode, type: GraphQLObjectType, into: Collection): boolean {
  return selections.every((selection) => {
    if (!isIncluded(selection, into)) return true;
    if (selection.kind === Kind.FIELD) return collectField(selection, type, into);
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : into.fragments[selection.name.value];
    if (fragment === undefined) return false;
    return !applies(fragment.typeCondition, type, into.schema) || collect(fragment.selectionSet, type, into);
  });
}

function collectField(
  { name, alias, selectionSet }: FieldNode,
  type: GraphQLObjectType,
  into: Collection,
): boolean {
  const isKnown = name.value === '__typename' || name.value in type.getFields();
  if (!isKnown || selectionSet !== undefined) return false;
  into.fields.set(alias?.value ?? name.value, name.value);
  return true;
}

function isIncluded(node: SelectionNode, { variables }: ProjectionScope): boolean {
  const values = { ...variables };
  if (getDirectiveValues(GraphQLSkipDirective, node, values)?.['if'] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, values)?.['if'] !== false;
}

function applies(
  condition: FragmentDefinitionNode['typeCondition'] | undefined,
  type: GraphQLObjectType,
  schema: GraphQLSchema,
): boolean {
  if (condition === undefined) return true;
  const conditional = typeFromAST(schema, condition);
  if (conditional === type) return true;
  return isAbstractType(conditional) && schema.isSubType(conditional, type);
}
