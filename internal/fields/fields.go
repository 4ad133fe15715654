// Package fields lists the stored fields of a struct type, with their stored
// names and the way to reach them.
//
// The name of a field is the name in its redis tag, else the name in its json
// tag, else its Go name. The redis tag "-" excludes a field. So does the json
// tag "-" if the field has no redis tag. A json tag counts only if the redis
// tag has no name.
//
// Embedded structs are flattened, through pointers too. An embedded struct is a
// single field if it has a name in its tag, or if it is exported and marshals
// itself as text or JSON, as [time.Time] does. Unexported fields are not
// stored. The exported fields of an unexported embedded struct are stored.
package fields

import (
	"fmt"
	"reflect"
	"strings"
)

// Field is a stored field of a struct type.
type Field struct {
	// Name is the stored name.
	Name string
	// Index leads to the field, through embedded structs and pointers to them.
	Index []int
	// Type is the Go type of the field.
	Type reflect.Type
	// OmitZero and OmitEmpty omit the field if its value is zero, or empty as
	// in encoding/json.
	OmitZero, OmitEmpty bool
	// Version, Extra, Indexed, Unique and Sealed are options of the redis tag.
	// A unique field is indexed too.
	Version, Extra, Indexed, Unique, Sealed bool
	// Was are the old names of the field, from the options was of the redis
	// tag.
	Was []string
	// Quoted is the option string of the json tag. It is set only for types to
	// which encoding/json applies the option.
	Quoted bool
	// GoName is the path of the field in Go, such as "Base.Name", for messages.
	GoName string
}

// Of returns the stored fields of struct type t in the order of their
// declaration. If several fields have the same stored name, the least deeply
// embedded one hides the others, as in Go.
//
// Of returns an error that names the type and the field in these cases:
//
//   - t is not a struct;
//   - two fields at the same depth have the same name;
//   - an old name is the name or an old name of another field, or the name of
//     its own field, or is given twice;
//   - a redis tag cannot be read, or has an unknown option, or an option or a
//     name without effect;
//   - an embedded type cannot be reached, or embeds itself;
//   - t or an embedded struct has an unexported field that only methods of the
//     type encode.
func Of(t reflect.Type) ([]Field, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a struct", t)
	}
	l := lister{root: t, visiting: map[reflect.Type]bool{}}
	if err := l.list(t, nil, ""); err != nil {
		return nil, err
	}
	return l.visible()
}

// Value returns the field of struct v. If an embedded pointer on the way is
// nil, it returns false.
func (f *Field) Value(v reflect.Value) (reflect.Value, bool) {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0]), true
	}
	for i, n := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

// Settable returns the field of struct v, which must be settable. It allocates
// the embedded pointers on the way that are nil.
func (f *Field) Settable(v reflect.Value) reflect.Value {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0])
	}
	for i, n := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v
}

// lister collects the fields of a struct type and of the structs that it
// embeds. visiting holds the types that are being listed.
type lister struct {
	root     reflect.Type
	visiting map[reflect.Type]bool
	fields   []Field
}

// list appends the fields of struct type t, which is at index within the root.
func (l *lister) list(t reflect.Type, index []int, path string) error {
	if l.visiting[t] {
		return fmt.Errorf("%s.%s: %s embeds itself; give the embedded field a name in its tag", l.root, path, t)
	}
	if method, field := marshalMethod(t), unstoredField(t); method != "" && field != "" {
		return fmt.Errorf("%s has an unexported field, %s, that only its method %s encodes; "+
			"export the field, exclude it with `redis:\"-\"`, or store the type as a field of a record, "+
			"wrapped in a type of your own with MarshalText and UnmarshalText", t, field, method)
	}
	l.visiting[t] = true
	defer delete(l.visiting, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		f := Field{Index: append(index[:len(index):len(index)], i), Type: sf.Type, GoName: joinPath(path, sf.Name)}
		skip, named, err := l.parseTag(&f, sf)
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		if sf.Anonymous && !named {
			done, err := l.flatten(sf, f)
			if err != nil {
				return err
			}
			if done {
				continue
			}
		}
		if !sf.IsExported() {
			if sf.Anonymous && named && Deref(sf.Type).Kind() == reflect.Struct {
				return fmt.Errorf("%s.%s: an embedded field of an unexported type cannot have a name in its tag; "+
					"export the type or remove the name", l.root, f.GoName)
			}
			if _, tagged := sf.Tag.Lookup("redis"); tagged {
				return fmt.Errorf("%s.%s: an unexported field cannot be stored; export it or remove its redis tag", l.root, f.GoName)
			}
			continue
		}
		l.fields = append(l.fields, f)
	}
	return nil
}

// flatten lists the fields of the embedded struct f. If f must be stored as a
// single field, flatten returns false.
func (l *lister) flatten(sf reflect.StructField, f Field) (done bool, err error) {
	t := Deref(sf.Type)
	if t.Kind() != reflect.Struct || MarshalsItself(t) && sf.IsExported() {
		return false, nil
	}
	if sf.Type.Kind() == reflect.Pointer && !sf.IsExported() {
		return false, fmt.Errorf("%s.%s: an embedded pointer to an unexported type cannot be set; "+
			"export the type or embed it by value", l.root, f.GoName)
	}
	if _, options, _ := strings.Cut(sf.Tag.Get("redis"), ","); options != "" {
		return false, fmt.Errorf("%s.%s: the tag option %s has no effect on an embedded struct without a name; "+
			"set the option on the fields of the struct, or give the struct a name in its tag", l.root, f.GoName, options)
	}
	return true, l.list(t, f.Index, f.GoName)
}

// visible returns the fields that no less deeply embedded field of the same
// name hides.
func (l *lister) visible() ([]Field, error) {
	outer := make(map[string]*Field, len(l.fields))
	for i := range l.fields {
		f := &l.fields[i]
		if other, ok := outer[f.Name]; !f.Extra && (!ok || len(f.Index) < len(other.Index)) {
			outer[f.Name] = f
		}
	}
	all := l.fields[:0:0]
	for i := range l.fields {
		f := &l.fields[i]
		other := outer[f.Name]
		if !f.Extra && f != other {
			if len(f.Index) == len(other.Index) {
				return nil, fmt.Errorf("%s: fields %s and %s are both stored as %q; rename one with `redis:\"name\"` "+
					"or exclude it with `redis:\"-\"`", l.root, other.GoName, f.GoName, f.Name)
			}
			continue
		}
		all = append(all, *f)
	}
	return all, l.checkOldNames(all)
}

// checkOldNames returns an error if an old name stands for two fields, or twice
// for one.
func (l *lister) checkOldNames(all []Field) error {
	owner := make(map[string]*Field, len(all))
	for i := range all {
		if f := &all[i]; !f.Extra {
			owner[f.Name] = f
		}
	}
	for i := range all {
		f := &all[i]
		for _, old := range f.Was {
			switch other := owner[old]; {
			case other == f:
				return fmt.Errorf("%s.%s: the option was=%s repeats a name of the field; remove the option", l.root, f.GoName, old)
			case other != nil:
				return fmt.Errorf("%s.%s: the option was=%s names %s, which has the name %[3]q too; a name can stand for only one field; remove the option",
					l.root, f.GoName, old, other.GoName)
			}
			owner[old] = f
		}
	}
	return nil
}

// parseTag reads the name and the options of a field from its tags. skip
// reports whether the tags exclude the field, and named whether they name it.
func (l *lister) parseTag(f *Field, sf reflect.StructField) (skip, named bool, err error) {
	if err := checkTag(sf.Tag); err != nil {
		return false, false, fmt.Errorf("%s.%s: %w", l.root, f.GoName, err)
	}
	redis, hasRedis := sf.Tag.Lookup("redis")
	json := sf.Tag.Get("json")
	if redis == "-" || !hasRedis && json == "-" {
		return true, false, nil
	}
	name, options, _ := strings.Cut(redis, ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "omitzero":
			f.OmitZero = true
		case "omitempty":
			f.OmitEmpty = true
		case "version":
			f.Version = true
		case "extra":
			f.Extra = true
		case "sealed":
			f.Sealed = true
		case "index":
			f.Indexed = true
		case "unique":
			f.Indexed, f.Unique = true, true
		default:
			if old, ok := strings.CutPrefix(option, "was="); ok && old != "" {
				f.Was = append(f.Was, old)
				continue
			}
			return false, false, fmt.Errorf("%s.%s: unknown option %q in the redis tag; the options are extra, index, omitempty, omitzero, sealed, unique, version and was=NAME",
				l.root, f.GoName, option)
		}
	}
	if name == "" && json != "-" {
		name, options, _ = strings.Cut(json, ",")
		for option := range strings.SplitSeq(options, ",") {
			f.OmitEmpty = f.OmitEmpty || option == "omitempty"
			f.OmitZero = f.OmitZero || option == "omitzero"
			f.Quoted = f.Quoted || option == "string" && stringOptionApplies(f.Type)
		}
	}
	f.Name = name
	if name == "" {
		f.Name = sf.Name
	}
	return false, name != "", nil
}

// stringOptionApplies reports whether encoding/json applies the option string
// to the type.
func stringOptionApplies(t reflect.Type) bool {
	switch k := Deref(t).Kind(); k {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64:
		return true
	default:
		return reflect.Int <= k && k <= reflect.Uintptr
	}
}

// Deref returns the type that t points to. If t is not a pointer, it returns t.
func Deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
