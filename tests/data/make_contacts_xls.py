#!/usr/bin/env python3
"""Makes contacts.xls, which tests/unit/mediaconv/test_table_xls.c and tests/e2e/import.test.mjs read.

XLS cannot be made with what the build needs, so the file is checked in.  To make it anew:

    pip install xlwt==1.3.0 && python3 tests/data/make_contacts_xls.py
"""
import datetime
import os

import xlwt

ROWS = [
    ["Name", "Phone", "City", "Since"],
    ["Ana Ünal", 15550007001, "Łódź", datetime.date(2024, 2, 29)],
    ["Bo", "+1 (555) 000-7002", 7.25, None],
    [],
    ["Cy", "bad"],
    [None, None, None],
    ["Di", 15550007003.0, True],
]

book = xlwt.Workbook()
sheet = book.add_sheet("Contacts")
day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
for y, row in enumerate(ROWS):
    for x, value in enumerate(row):
        if isinstance(value, datetime.date):
            sheet.write(y, x, value, day)
        elif value is not None:
            sheet.write(y, x, value)
book.add_sheet("Second").write(0, 0, "phone")
book.save(os.path.join(os.path.dirname(__file__), "contacts.xls"))
