"""The demo school: the cast that documentation, tests and screenshots know, students, courses; its
terms and sections are in demo_timetable.py, what it was told in demo_announcements.py.

Loading it again adds what is missing and changes nothing else.
"""

from __future__ import annotations

import demo_announcements
import demo_timetable
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from chalicelib.accounts.passwords import hash_password
from chalicelib.accounts.rules import Role
from chalicelib.accounts.service import NewUser, create_missing_users

PASSWORD = "Rollcall-Demo-2026"
STUDENTS = 200

CAST: tuple[tuple[str, str, Role], ...] = (
    ("amara", "Amara Okafor", "manager"),
    ("rosa", "Rosa Delgado", "registrar"),
    ("ben", "Ben Whitaker", "teacher"),
    ("tilda", "Tilda Nyström", "teacher"),
    ("chloe", "Chloe Martin", "student"),
    ("dai", "戴明", "student"),
)
_GIVEN = [
    "Ada",
    "Bo",
    "Carla",
    "Deniz",
    "Elif",
    "Femi",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Liang",
    "Mei",
    "Noor",
    "Otto",
    "Paz",
]
_FAMILY = [
    "Adeyemi",
    "Berg",
    "Castro",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Gao",
    "Haddad",
    "Ivanov",
    "Jansen",
    "Kowalski",
    "Li",
]

COURSES: tuple[tuple[str, str, str, str], ...] = (
    ("CS101", "Introduction to Computing", "Programs, data and the machines that run them.", "4.0"),
    ("CS102", "程序设计基础", "Programming from scratch, in Python. 零基础。", "4.0"),
    ("CS201", "Data Structures 数据结构", "Lists, trees, graphs, and what they cost.", "4.0"),
    ("CS220", "Computer Organisation", "From gates to a processor.", "3.5"),
    ("CS301", "Operating Systems 操作系统", "Processes, memory, files.", "3.0"),
    ("CS330", "Databases", "The relational model, SQL, transactions.", "3.0"),
    ("CS350", "计算机网络", "Computer networks, layer by layer.", "3.0"),
    ("MA101", "Calculus I 高等数学(上)", "Limits, derivatives, integrals.", "5.0"),
    ("MA102", "Calculus II 高等数学(下)", "Series and several variables.", "5.0"),
    ("MA120", "Linear Algebra 线性代数", "Vectors, matrices, eigenvalues.", "3.0"),
    ("MA210", "概率论与数理统计", "Probability and statistics.", "3.0"),
    ("PH101", "General Physics 大学物理", "Mechanics and heat.", "4.0"),
    ("PH102", "Electricity and Magnetism", "Fields, circuits, waves.", "4.0"),
    ("PH110", "Physics Laboratory", "A dozen experiments in pairs.", "1.5"),
    ("CH101", "General Chemistry 普通化学", "Atoms, bonds, reactions.", "3.0"),
    ("BI101", "Cell Biology", "How the smallest living things work.", "3.0"),
    ("BI205", "Genetics 遗传学", "Inheritance, from peas to genomes.", "3.0"),
    ("EN110", "Academic Writing", "Papers that others want to read.", "2.0"),
    ("EN120", "大学英语", "College English: reading and speaking.", "2.0"),
    ("ZH101", "Chinese for Beginners 初级汉语", "The first five hundred characters.", "4.0"),
    ("HI150", "History of Science 科学史", "From Babylon to the transistor.", "2.0"),
    ("PL101", "Logic", "Arguments, and how to tell good from bad.", "2.5"),
    ("EC101", "Microeconomics 微观经济学", "Households, firms, markets.", "3.0"),
    ("EC102", "Macroeconomics 宏观经济学", "Growth, money, employment.", "3.0"),
    ("LW101", "法学导论", "Introduction to law.", "2.0"),
    ("AR101", "Drawing 素描", "Pencil, charcoal, patience.", "1.0"),
    ("MU105", "Choir 合唱", "No audition.", "0.5"),
    ("PE101", "Physical Education 体育", "Swimming, running, table tennis.", "1.0"),
    ("ME210", "Thermodynamics 工程热力学", "Heat, work and why engines stop.", "3.5"),
    ("EE201", "Circuits 电路理论", "Linear circuits and their analysis.", "4.0"),
)

_INSERT_MISSING_COURSES = text(
    "INSERT INTO courses (code, title, description, credits)"
    " SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:titles AS text[]),"
    " CAST(:descriptions AS text[]), CAST(:credits AS numeric[]))"
    " ON CONFLICT (lower(code)) DO NOTHING"
)


def load(database_url: str) -> None:
    """Add what is missing of the school to the database that the owner's URL names, which has to
    be that of the settings.
    """
    url = database_url.replace("postgresql://", "postgresql+pg8000://", 1)
    engine = create_engine(url, poolclass=NullPool)
    codes, titles, descriptions, credits_ = (list(column) for column in zip(*COURSES, strict=True))
    users = _users()
    with engine.begin() as connection:
        create_missing_users(connection, users)
        connection.execute(
            _INSERT_MISSING_COURSES,
            {"codes": codes, "titles": titles, "descriptions": descriptions, "credits": credits_},
        )
        students = [user.username for user in users if user.role == "student"]
        demo_timetable.load(connection, codes, students)
    demo_announcements.load()


def _users() -> list[NewUser]:
    # one hash for all: a hundred milliseconds instead of six seconds, and the password is public
    password_hash = hash_password(PASSWORD)
    students: list[tuple[str, str, Role]] = [
        (
            f"student{n:03}",
            f"{_GIVEN[n % len(_GIVEN)]} {_FAMILY[n * 7 % len(_FAMILY)]}",
            "student",
        )
        for n in range(1, STUDENTS + 1)
    ]
    return [
        NewUser(username, f"{username}@rollcall.example", full_name, role, password_hash)
        for username, full_name, role in (*CAST, *students)
    ]
