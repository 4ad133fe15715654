// Package keyspace builds Redis keys and reads them back.
//
// A [Pattern] is compiled once from a template and then turns parts into a key,
// a key into its parts, and parts into a glob for SCAN. A [Space] is a pattern
// with every part but one given: the keys of one repository. A [Layout] names
// the patterns of all records.
//
// # Templates
//
//	template  = { literal | parameter } .            with at least one parameter
//	parameter = "{" name "}" | "{{" name "}}" .
//	name      = letters, digits, "_", "-", "."       each name once
//	literal   = anything but "{", "}" and NUL .
//
// A parameter in double braces is the cluster's hash tag as well: its value
// stands in braces in the key, so that `pending:{{service}}` gives
// "pending:{mail}", and all keys with one value share a slot. A template has one
// hash tag at most.
//
// Between two parameters stands a literal that holds a ":". Only a hash tag may
// follow another parameter at once, as in `{tenant}{{shard}}:job:{id}`: parts
// hold no braces there, so the key still reads in one way.
//
// # Parts
//
// A part is any string that is not empty and holds no NUL. Where the pattern has
// a hash tag, and everywhere in [Cluster], it holds no "{" and no "}" either.
// What breaks these rules is [ErrInvalidKey].
//
// # Escaping
//
// In a pattern of [Compile], "%" and ":" in a part become "%25" and "%3A". The
// last part of a template that begins with a parameter is written verbatim: all
// before it is free of ":" but for the literals, so it needs no escape, and ids
// stay readable. In a template that begins with a literal, such as
// `pending_batches:{service}`, the last part is escaped too. Its keys then hold
// the colons of the template and no more, and no value makes one that a tenant
// of the literal's name could own: `pending_batches:batch%3Aa%3Ab%3Ac` is a set,
// `pending_batches:batch:a:b:c` the queue of a tenant called "pending_batches".
//
// So two different lists of parts never give one key, and
// Parse(Key(parts...)) gives the parts back.
//
// In a pattern of [CompilePython] parts are written as the Python package writes
// them: verbatim, except that a ":" becomes "_" in {action} followed by {id}, in
// {state} followed by {user}, and in {table} followed by {pk}. What would be
// escaped in a pattern of [Compile] holds no ":" here, and neither do these
// pairs: such a part is [ErrInvalidKey], so that different parts never give one
// key. With [AllowAmbiguous] they can; see [Pattern.Parse] for what is read back.
//
// # Keys of the library's own
//
// A key that begins with "%" and a lower-case letter belongs to the library:
// leases, schedules, indexes. No key of a template that begins with a parameter
// can look like that: an escaped part begins with "%2" or "%3" at most, and where
// the first part is verbatim such a key is [ErrInvalidKey]. A template may begin
// with such a literal, as `%exp{{shard}}:due:{action}` does, and with no other "%".
// [Beside] makes the key of what stands beside one record, in the record's slot.
package keyspace
