package wasmfile

func (f *File) readCustom(r *reader) {
	if len(f.Customs) >= maxCustom {
		r.fail("more than %d custom sections", maxCustom)
	}
	name := r.name()
	f.Customs = append(f.Customs, Custom{Name: name, Content: r.take(uint32(r.left()))})
}

func (f *File) readTypes(r *reader) {
	const functionType = 0x60
	for range r.count("types", maxTypes, 3) {
		if form := r.byte(); form != functionType && r.err == nil {
			r.failAt(r.at-1, "type form 0x%02x is not that of a function", form)
		}
		f.types = append(f.types, Signature{
			Params: valueTypes(r, "parameters"), Results: valueTypes(r, "results"),
		})
	}
}

func valueTypes(r *reader, what string) []byte {
	n := r.count(what, maxParams, 1)
	start := r.at
	for range n {
		r.valueType()
	}
	if r.err != nil {
		return nil
	}
	return r.data[start:r.at:r.at]
}

func (f *File) readImports(r *reader) {
	for range r.count("imports", maxImports, 4) {
		i := Import{Module: r.name(), Name: r.name(), Kind: r.byte()}
		switch i.Kind {
		case KindFunction:
			t := r.index("type", len(f.types))
			if r.err != nil {
				return
			}
			i.Signature = f.types[t]
			f.functions = append(f.functions, t)
			f.imported++
		case KindTable:
			f.readTable(r, true)
			f.leaks = true
		case KindMemory:
			f.readMemory(r)
		case KindGlobal:
			f.globals = append(f.globals, readGlobal(r, true))
		default:
			r.failAt(r.at-1, "import kind %d is not known", i.Kind)
		}
		f.Imports = append(f.Imports, i)
	}
}

// limits reads the initial and the maximum size of a memory or table.
func limits(r *reader) (least, most uint32, bounded bool) {
	switch flags := r.byte(); {
	case r.err != nil:
	case flags == 2 || flags == 3:
		r.failAt(r.at-1, "limits 0x%02x are not known (shared memory: threads)", flags)
	case flags >= 4 && flags <= 7:
		r.failAt(r.at-1, "limits 0x%02x are not known (64-bit memory)", flags)
	case flags > 7:
		r.failAt(r.at-1, "limits 0x%02x are not known", flags)
	default:
		bounded = flags == 1
	}
	start := r.at
	least = r.u32()
	if bounded {
		if most = r.u32(); most < least {
			r.failAt(start, "the most, %d, is less than the least, %d", most, least)
		}
	}
	return least, most, bounded
}

func (f *File) readTable(r *reader, foreign bool) {
	start := r.at
	if len(f.tables) >= maxTables {
		r.fail("more than %d tables", maxTables)
	}
	t := table{kind: r.referenceType(), foreign: foreign, limits: r.at}
	var most uint32
	t.least, most, t.bounded = limits(r)
	t.end = r.at
	if max(t.least, most) > maxTable {
		r.failAt(start, "a table of %d entries, more than %d", max(t.least, most), maxTable)
	}
	f.tables = append(f.tables, t)
}

func (f *File) readMemory(r *reader) {
	start := r.at
	if f.memories++; f.memories > 1 {
		r.fail("more than one memory")
	}
	least, most, _ := limits(r)
	if least > maxMinPages || most > maxPages {
		r.failAt(start, "a memory of %d to %d pages, more than %d to %d", least, most, maxMinPages, maxPages)
	}
}

func readGlobal(r *reader, foreign bool) global {
	g := global{kind: r.valueType(), foreign: foreign}
	mutable := r.byte()
	if mutable > 1 {
		r.failAt(r.at-1, "mutability 0x%02x is not known", mutable)
	}
	g.mutable = mutable == 1
	return g
}

func (f *File) readGlobals(r *reader) {
	for range r.count("globals", maxGlobals, 5) {
		g := readGlobal(r, false)
		f.constant(r, g.kind)
		f.globals = append(f.globals, g)
	}
	if len(f.globals) > maxGlobals {
		r.fail("more than %d globals", maxGlobals)
	}
}

func (f *File) readExports(r *reader) {
	names := map[string]bool{}
	for range r.count("exports", maxExports, 3) {
		start := r.at
		e := Export{Name: r.name(), Kind: r.byte()}
		switch e.Kind {
		case KindFunction:
			if i := r.index("function", len(f.functions)); r.err == nil {
				e.Signature = f.types[f.functions[i]]
			}
		case KindTable:
			r.index("table", len(f.tables))
		case KindMemory:
			r.index("memory", f.memories)
		case KindGlobal:
			r.index("global", len(f.globals))
		default:
			r.failAt(r.at-1, "export kind %d is not known", e.Kind)
		}
		if names[e.Name] {
			r.failAt(start, "export %q is there twice", e.Name)
		}
		names[e.Name] = true
		f.Exports = append(f.Exports, e)
	}
}

func (f *File) readStart(r *reader) {
	start := r.at
	i := r.index("function", len(f.functions))
	if r.err != nil {
		return
	}
	if !f.types[f.functions[i]].Equal(Signature{}) {
		r.failAt(start, "the start function has parameters or results")
	}
}
