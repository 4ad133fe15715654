// Package keyspace builds Redis keys and parses them.
//
// A [Pattern] is compiled once from a template. It turns parts into a key, a
// key into its parts, and parts into a glob for SCAN. A [Space] is a pattern in
// which every part but one is fixed: the keys of one repository. A [Layout]
// holds the patterns of all kinds of records.
//
// # Templates
//
//	template  = { literal | parameter } .            with at least one parameter
//	parameter = "{" name "}" | "{{" name "}}" .
//	name      = letters, digits, "_", "-", "."       each name once
//	literal   = anything but "{", "}" and NUL .
//
// A parameter in double braces is the hash tag of a cluster. Its value stands
// in braces in the key: `pending:{{service}}` makes the key "pending:{mail}".
// All keys with the same value share a slot. A template has at most one hash
// tag.
//
// The literal between two parameters must contain a ":". Only a hash tag may
// follow another parameter directly, as in `{tenant}{{shard}}:job:{id}`. Parts
// of such a pattern contain no braces, so the key still has only one reading.
//
// # Parts
//
// A part is a string that is not empty and contains no NUL byte. If the pattern
// has a hash tag, a part contains no "{" and no "}" either. The same holds for
// every pattern of [Cluster] and [ClusterByTenant]. If a part breaks these
// rules, methods return [ErrInvalidKey].
//
// # Escaping
//
// In a pattern of [Compile], "%" and ":" in a part become "%25" and "%3A". If
// the template begins with a parameter, the last part is written verbatim. The
// parts before it contain no ":", so it needs no escaping, and IDs stay
// readable.
//
// If the template begins with a literal, such as `pending_batches:{service}`,
// the last part is escaped too. Such a key has no more colons than its
// template, so it never equals a key of a tenant whose name is the literal:
// `pending_batches:batch%3Aa%3Ab%3Ac` is a set, and
// `pending_batches:batch:a:b:c` is a queue of the tenant "pending_batches".
//
// Different lists of parts therefore never make the same key, and Parse returns
// the parts that Key was called with.
//
// A pattern of [CompilePython] writes parts verbatim, as the Python package
// does. The exceptions are {action} followed by {id}, {state} followed by
// {user}, and {table} followed by {pk}: in these, ":" becomes "_". If a ":" in
// a part could make the key of other parts, methods return [ErrInvalidKey].
// This applies to these pairs and to every part that [Compile] would escape.
// [AllowAmbiguous] lifts this restriction, so a ":" becomes "_" only with
// [AllowAmbiguous]. [Pattern.Parse] describes how such keys are read.
//
// # Reserved keys
//
// A key that begins with "%" and a lower-case letter is reserved for the
// library, which stores leases, schedules and indexes there. A template that
// begins with a parameter never makes such a key: if the first part is escaped,
// it can begin with "%25" or "%3A" only, and if it is verbatim, methods return
// [ErrInvalidKey] for a part that makes one.
//
// A template may begin with a reserved prefix, as `%exp{{shard}}:due:{action}`
// does. It may not begin with any other "%". [Beside] returns a reserved key
// that belongs to one record and lies in its slot.
package keyspace
