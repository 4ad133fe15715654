package fields

import "reflect"

// msgpackMethods are those by which a type writes and reads MessagePack of its own.
var msgpackMethods = []string{"EncodeMsgpack", "DecodeMsgpack", "MarshalMsgpack", "UnmarshalMsgpack"}

// writerMethods are those by which a type writes and reads all of its state.
var writerMethods = append([]string{
	"MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON", "MarshalBinary", "UnmarshalBinary", "GobEncode", "GobDecode",
	"MarshalCBOR", "UnmarshalCBOR", "MarshalBSON", "UnmarshalBSON", "RedisArg", "RedisScan", "ScanRedis",
}, msgpackMethods...)

// MsgPack returns the method by which t, or a pointer to it, writes or reads MessagePack of its own; "" for none.
func MsgPack(t reflect.Type) string { return firstOf(t, msgpackMethods) }

// writer returns a method by which t, or a pointer to it, writes or reads itself in any form; "" for none.
func writer(t reflect.Type) string { return firstOf(t, writerMethods) }

func firstOf(t reflect.Type, names []string) string {
	p := reflect.PointerTo(t)
	if p.NumMethod() == 0 {
		return ""
	}
	for _, name := range names {
		if named(p, name) && !borrowed(t, p, name, func(f reflect.Type) bool { return named(f, name) || named(reflect.PointerTo(f), name) }) {
			return name
		}
	}
	return ""
}

func named(t reflect.Type, name string) bool {
	_, ok := t.MethodByName(name)
	return ok
}

// hidden returns a field of struct t that holds state which is never stored, though no tag leaves it out; "" for none.
func hidden(t reflect.Type) string {
	for i := range t.NumField() {
		f := t.Field(i)
		flattened := f.Anonymous && Base(f.Type).Kind() == reflect.Struct
		if f.IsExported() || flattened || f.Name == "_" || f.Type.Size() == 0 || Base(f.Type).PkgPath() == "sync" {
			continue
		}
		if tag, ok := f.Tag.Lookup("redis"); tag == "-" || !ok && f.Tag.Get("json") == "-" {
			continue
		}
		return f.Name
	}
	return ""
}
