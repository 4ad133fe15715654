// Package hashrepo stores records as Redis hashes. A record is one hash, and a
// field of the record is one field of the hash.
//
//	type Profile struct {
//		Name  string   `redis:"name"`
//		Score int64    `redis:"score"`
//		Tags  []string `redis:"tags"`
//		Notes string   `redis:"notes,omitzero"`
//	}
//
// # Schema
//
// A record type T is a struct or a map with string keys. Each exported field
// of a struct is stored under the name in its redis tag. If the redis tag has
// no name, the name in the json tag is used, and otherwise the Go name. The
// tag "-" leaves a field out.
//
// Embedded structs are flattened. An outer field hides an embedded field of the
// same name. Two fields of the same name at the same depth are an error. If T
// has methods that encode the whole value, such as MarshalJSON, an unexported
// field without the tag "-" is an error, since only those methods know it.
//
// The redis tag has these options. If it has no name, the options omitempty and
// omitzero of the json tag apply too.
//
//   - omitempty: an empty value is absent in Redis. As in encoding/json, false,
//     0, nil, and an empty string, slice, array or map are empty.
//   - omitzero: a zero value is absent in Redis and is read as zero.
//   - index: an index over the field, for conditions and orders. See Indexes
//     below.
//   - unique: an index, and no two records of the space have one value. A write
//     of a value that another record has returns [ErrExists] and changes
//     nothing.
//   - version: an int64 that counts the changes of the record. It is 0 for a
//     record that is not stored yet. Upsert and Replace write a record only if
//     its stored version equals the version of the value, and store the next
//     version. Every other write increments the version. If the versions
//     differ, or if the record is gone and the version of the value is not 0,
//     the write returns [ErrConflict] and changes nothing. If the stored
//     version is not an integer, a write returns [ErrFieldType]. If it cannot
//     be incremented, a write returns [ErrOverflow].
//   - extra: a map[string]string that holds, as stored, the fields of the
//     record that T does not declare.
//   - sealed: the field is encrypted. The codec of the repository must be one
//     of [codec.Sealed], which seals all fields if none has the option.
//   - was=NAME: an old name of the field. If the field is absent under its
//     name, it is read under the old name. Every write of the field sets its
//     name and removes the old one in the same step, and so does
//     [HashRepo.Mutate] with a field that it does not change. A field may have
//     several old names, each with an option of its own: the first that is
//     present counts. The methods take the new name only. An old name that is
//     also a name of another field is an error.
//
// A nil pointer, slice or map is absent in Redis. An empty slice or map is
// stored. If no field of an embedded pointer is present, the pointer is read
// as nil. If there are no extra fields, the extra map is read as nil. A record
// without any present field is stored with the reserved field "_", so that it
// exists and has a lifetime. A field of T cannot have that name.
//
// # Changes
//
// A handle stands for a field of T. [FieldOf], [NumberOf] and [ListOf] return
// handles, whose methods make the patches of [HashRepo.Update] and
// [HashRepo.Merge]:
//
//	var Score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
//
//	err := users.Update(ctx, "u1", Score.Add(10))
//
// [HashRepo.Mutate] makes changes that are computed in Go. If a record is
// written long after it was read, a version field prevents the write from
// overwriting the changes of other writers. The methods with Field in their
// names take the stored name of a field, for callers that have it as data.
//
// # Indexes
//
// A field with the option index or unique has an index. Every write keeps it,
// in the same atomic step:
//
//	type Member struct {
//		Email  string    `redis:"email,unique,omitzero"`
//		City   string    `redis:"city,index"`
//		Joined time.Time `redis:"joined,index"`
//	}
//
//	ann, err := members.FindOne(ctx, Email.Eq("ann@example.com"))
//	page, err := members.Page(ctx, hashrepo.Query[Member]{
//		Where: []hashrepo.Cond[Member]{City.Eq("Oslo")},
//		Order: Joined.Desc(),
//		Limit: 20,
//	})
//
// Bools, numbers, strings, times, types with MarshalText and UnmarshalText,
// pointers to these and slices of these can have an index. For other types,
// [New] returns [ErrInvalidSchema]. An absent field is in no index: with
// omitzero, any number of records may lack a unique field.
//
// [HashRepo.Find], [HashRepo.FindOne], [HashRepo.Page] and [HashRepo.Count] use
// the index that has the fewest entries for their conditions, and check the
// others on the records. The server compares each entry with its record: a
// record that expired, or that another program changed or deleted, is not
// returned wrongly. Without an index, they walk all records of the space.
//
// A space with an index also has a list of its ids, and so has one with the
// option [Listed]. [HashRepo.IDs], [HashRepo.All] and [HashRepo.DeleteAll] go
// over the list. Without one they send SCAN, whose time grows with the keys of
// the database.
//
// Until [HashRepo.Reindex] has passed over a space once, queries walk the
// database as if there was no index, and a warning is logged. Run it once for
// each space, also for a new one. [HashRepo.Sweep] removes the entries of
// records that have expired, from spaces that nobody writes to any more.
//
// On a cluster, a record and its indexes must share a slot, as in
// [keyspace.ClusterByTenant]. docs/indexes.md describes the guarantees, the
// cost and the steps to add an index to a live service.
//
// # Lifetimes
//
// A record has the lifetime [DefaultLifetime] unless an option sets another,
// and every write renews it. See [TTL], [KeepTTL] and [NoTTL].
package hashrepo
