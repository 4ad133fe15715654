// Package codec turns one Go value into the bytes of one Redis value and back.
//
// # Codecs
//
// [Compact] is the default. It writes what the Python package writes, so that both can work on the same records, and
// reads that and plain JSON. [JSON] writes every value as other JSON programs do, [MsgPack] as MessagePack. A codec of
// one's own implements [Codec].
//
// # What Compact writes
//
// As a whole value (a hash field, a key's value, an item of a list) a single text stands as it is; what has parts is
// JSON.
//
//	Go                            whole value                  inside JSON
//	bool                          1, 0                         "1", "0" below a struct, else true, false
//	string                        verbatim                     string
//	integers                      decimal                      number
//	floats                        1.0, 1e+16, NaN, Infinity    the same, bare
//	time.Time                     2024-05-06T07:08:09.5Z       the same, quoted
//	time.Duration                 1h30m0s                      the same, quoted
//	[]byte                        verbatim                     base64
//	encoding.TextMarshaler        its text                     the same, quoted
//	big.Int                       decimal                      number
//	json.Marshaler                its JSON                     its JSON
//	json.Number                   its digits                   number
//	struct, map, slice, array     JSON                         JSON
//	any                           by its dynamic type          by its dynamic type
//	nil                           null                         null
//
// A text that is null inside any number of quotes gains one more pair of quotes where the type has a nil too (*string,
// []byte), so that nil and "null" differ.
//
// Reading takes more than that: every usual spelling of a bool, integers for floats, times without an offset (UTC) or
// without a time of day, durations as nanoseconds or as Python's timedelta. Whatever does not fit is a [*DecodeError];
// nothing is rounded, cut or replaced.
//
// # Types
//
// Every value of every supported type reads back equal, times by their Equal method. Interfaces are the exception:
// they come back as nil, bool, int64, float64, string, []any and map[string]any, and as json.Number where a number
// needs it; MsgPack keeps []byte and time.Time too. So are the field that a tag leaves out, the empty one that
// omitempty leaves out, the embedded one that an outer field of the same name hides, and the space around a json.RawMessage.
//
// A type that could not keep that promise is refused when it is compiled, with a [*SchemaError]: channels, functions,
// complex numbers, interfaces with methods, pointers to what is nil at times (**T, *[]T), types that write themselves
// but cannot read themselves, structs without any stored field, structs with state that is not exported and that only
// methods such as MarshalBinary, GobEncode or EncodeMsgpack know, and for MsgPack types with MessagePack of their own.
// So are the options version, extra and the json tag's string below a record.
//
// A struct's fields are named by the redis tag, else the json tag, else their Go name, and "-" leaves one out. A type
// that has MarshalText and UnmarshalText, or MarshalJSON and UnmarshalJSON, is written by them; text comes first. A
// struct that has these methods only because it embeds such a type, next to other fields, is written by its fields.
package codec
